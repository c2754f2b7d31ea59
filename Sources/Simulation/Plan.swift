import Transfer
import Wire

/// In what order a process sees its completions.
enum Delivery: CaseIterable {
  case inOrder
  case shuffled
  /// One per turn, any.
  case single
}

/// One fault at one moment.
enum Fault {
  case resetOne
  case resetAll
  case resetLink(Int)
  case silenceOne
  case silenceOneWay
  case linkDown(Int, for: Int64)
  case linkDownOneWay(Int, host: Int, for: Int64)
  case allLinksDown(for: Int64)
  case freeze(node: Int, for: Int64)
  case kill(node: Int)
  case interrupt(node: Int)
  case stallInput(for: Int64)
  case stallOutput(for: Int64)
  case consumerGoes
}

/// The whole world of one seed, drawn once; what is drawn here does not depend on what happens.
struct Plan {
  let seed: UInt64

  // The two processes.
  var senderDials = true
  /// Nil: as many as the links need.
  var connectionCount: Int? = 1
  var connectionLimit = 64
  var frameByteCounts = [4096, 4096]
  var memoryByteCounts = [65_536, 65_536]
  var zeroCopy = ZeroCopyMode.auto
  /// Bits per second.
  var rateLimit: Int?
  var keys: [UInt64?] = [nil, nil]
  var giveUp: Duration = .seconds(15)
  var wait: Duration = .seconds(20)
  var startAt: [Int64] = [0, 0]

  // The stream.
  var streamByteCount = 0
  var isLengthKnown = false
  var readLimit = Int.max
  var inputFailsAt: Int?
  var outputFailsAt: Int?
  /// Nil: a write that takes nothing.
  var outputFailure: Failure.Kind? = .noSpace
  var consumerGoesAt: Int?
  var synchronizeFails = false
  /// Whether input and output are read and written at offsets.
  var isPositional = [false, false]
  /// Whether something else ends the session early.
  private(set) var hasEnd = false
  /// What an earlier run has brought to the disk, and whether the source has changed since.
  var resumedOffset: Int?
  var changedSource = false
  /// Whether what the earlier run has begun cannot be continued.
  var isUnfit: Bool { resumedOffset != nil && (changedSource || missesSum || !isPositional[0]) }
  /// Whether the output is read back, knows its holes, and what goes wrong with it: a byte that
  /// changes when it was written or when all was, one that cannot be read, no sum in the journal.
  var verifies = false
  var outputHasHoles = false
  var damage: Int?
  var isDamageLate = false
  var readBackFailsAt: Int?
  var missesSum = false
  /// Zeros in the input; its holes, in order, are among them.
  var zeros: [Range<Int>] = []
  var holes: [Range<Int>] = []
  var hasHoles = false
  var sparse = [SparseMode.auto, .auto]
  /// Where an input that is read at offsets ends before its length.
  var inputShrinksTo: Int?
  /// Where the input has been read to when somebody writes to it.
  var sourceChangesAt: Int?
  var writeBehindByteCount: UInt64 = 1 << 20
  /// What makes the input and what takes the output, where these are commands.
  var commands: [CommandPlan?] = [nil, nil]

  // The network.
  var links: [(rate: Int, latency: Int64)] = []
  var sendBuffer = 65_536
  var receiveBuffer = 65_536
  var segment = 16_384
  var jitter = 0
  var backlog = 16
  var targetCount = 1
  var deadTargets: [Int] = []

  /// Links that connections share, in place of a rate for each of them.
  private(set) var topology: Topology?
  /// Whether payloads are only counted.
  var isHollow: Bool { topology != nil }

  // How processes see it.
  var delivery = Delivery.inOrder
  var loopDelay: Int64 = 2000

  // Chances, per opportunity.
  var shortSend = 0.0
  var shortReceive = 0.0
  var shortRead = 0.0
  var shortWrite = 0.0
  var lateCompletion = 0.0
  var duplicateCompletion = 0.0
  var corruption = 0.0
  /// Whatever listens begins with a byte that no braid begins with.
  var isForeign = false
  var zeroCopyCopied = 0.0
  var zeroCopyRefused = 0.0
  var lateNotification = 0.0
  var connectFailure = 0.0
  var connectSlow = 0.0
  var acceptFailure = 0.0
  var slowConnection = 0.0
  var inputPause = 0.0
  var outputPause = 0.0

  // What happens when.
  var faults: [(at: Int64, fault: Fault)] = []
  var strangers: [(at: Int64, kind: Stranger.Kind)] = []
  var healAt: Int64 = 0

  /// Draws a world.
  ///
  /// - Parameters:
  ///   - seed: decides everything.
  ///   - endpoints: what the two ends of the stream may be.
  init(seed: UInt64, endpoints: Endpoints) {
    self.seed = seed
    // The seed is mixed first, so that neighbouring seeds have nothing in common.
    var random = SplitMix64(seed: SplitMix64.mix(seed &+ 0x6272_6169_6421))
    drawProcesses(&random)
    drawStream(&random)
    drawNetwork(&random)
    drawFaults(&random)
    // Last, so that a seed means the same world with pipes at both ends as before.
    if endpoints == .any {
      drawEndpoints(&random)
      drawCommands(&random)
      drawVerifying(&random)
      if random.chance(0.2) { rateLimit = random.magnitude(500_000...50_000_000) }
      if isPositional[0], !hasEnd, !isUnfit, inputShrinksTo == nil, random.chance(0.08) {
        sourceChangesAt = random.int(0...streamByteCount)
      }
    }
  }

  /// Draws a topology: a sound world in which only the links matter.
  init(topology seed: UInt64) {
    self.seed = seed
    var random = SplitMix64(seed: SplitMix64.mix(seed &+ 0x746F_706F_6C6F))
    let topology = Topology(&random)
    self.topology = topology
    connectionCount = nil
    frameByteCounts = [256 << 10, 256 << 10]
    memoryByteCounts = [topology.memoryByteCount, topology.memoryByteCount]
    zeroCopy = .off
    links = [(topology.sum, topology.delay)]
    // What TCP_NOTSENT_LOWAT leaves, and what a receive buffer grows to.
    sendBuffer = 256 << 10
    receiveBuffer = max(6 << 20, topology.product * 2)
    // Four turns for each frame at full rate, so that the loop is not the limit.
    loopDelay = min(max(65_536_000_000_000 / Int64(topology.sum), 2000), 50_000)
  }

  /// What one of the processes is told to do.
  func options(for role: Role) -> Options {
    let node = role == .sender ? 0 : 1
    let isDialler = senderDials == (role == .sender)
    let source = RandomSource(seed: seed &* 2 &+ UInt64(node))
    var options = Options(
      role: role,
      opening: isDialler
        ? .dial(targetCount: targetCount, connectionCount: connectionCount) : .listen,
      frameByteCount: frameByteCounts[node],
      memoryByteCount: memoryByteCounts[node],
      random: source
    )
    options.connectionLimit = connectionLimit
    options.zeroCopy = zeroCopy
    if role == .sender { options.rateLimit = rateLimit }
    options.giveUp = giveUp
    options.wait = wait
    options.isPositional = isPositional[node]
    options.sparse = sparse[node]
    if isPositional[0] {
      options.source = SourceDescription(
        kind: .file,
        byteCount: UInt64(streamByteCount),
        modified: 1,
        identity: seed
      )
    }
    options.keepsJournal = isPositional[1]
    if role == .receiver, let resumedOffset {
      var source = self.options(for: .sender).source
      source.modified += changedSource ? 1 : 0
      options.journal = Journal(
        source: source,
        target: (0, 0),
        durableOffset: UInt64(resumedOffset),
        sum: verifies && !missesSum
          ? PlaceSum.of(VirtualInput(self).content, 0..<resumedOffset, at: 0) : nil,
        sequence: 4
      )
    }
    options.hasHoles = role == .sender ? hasHoles : outputHasHoles
    options.verifies = verifies && role == .receiver
    options.writeBehindByteCount = writeBehindByteCount
    options.hasCommand = commands[node] != nil
    let isKnown = isLengthKnown && role == .sender && !options.hasCommand
    if isKnown { options.streamByteCount = UInt64(streamByteCount) }
    if let key = keys[node] { options.authenticator = Self.authenticator(key) }
    return options
  }

  /// A keyed hash of four lanes: enough where nobody attacks with mathematics.
  static func authenticator(_ key: UInt64) -> Authenticator {
    Authenticator { bytes in
      Bytes32(
        (
          XXH64.hash(bytes.span, seed: key), XXH64.hash(bytes.span, seed: key &+ 1),
          XXH64.hash(bytes.span, seed: key &+ 2), XXH64.hash(bytes.span, seed: key &+ 3)
        )
      )
    }
  }

  var areKeysEqual: Bool { keys[0] == keys[1] }
}

// Drawing.
extension Plan {
  private mutating func drawProcesses(_ random: inout SplitMix64) {
    senderDials = random.chance(0.6)
    let count = random.int(1...6)
    connectionCount = count
    connectionLimit = random.chance(0.3) ? count : 64
    delivery = random.pick(Delivery.allCases)
    loopDelay = Int64(random.magnitude(1000...50_000))
    giveUp = .milliseconds(random.int(10_000...20_000))
    wait = .milliseconds(random.int(10_000...30_000))
    let isZeroCopy = random.chance(0.12)
    for node in 0..<2 {
      let frame =
        isZeroCopy ? random.pick([32_768, 65_536]) : random.pick([4096, 4096, 4096, 8192])
      frameByteCounts[node] = frame
      let slots = random.chance(0.3) ? 4 : random.int(4...40)
      memoryByteCounts[node] = slots * (frame + Geometry.headroom) + random.int(0...5000)
    }
    zeroCopy = random.pick([ZeroCopyMode.auto, .on, .on, .off])
    if random.chance(0.4) {
      let key = random.next()
      keys = [key, key]
    }
    if random.chance(0.3) {
      startAt[random.int(0...1)] = Int64(random.magnitude(1...5_000_000_000))
    }
  }

  private mutating func drawStream(_ random: inout SplitMix64) {
    let isLarge = frameByteCounts[0] > 8192
    switch random.int(0...9) {
    case 0: streamByteCount = random.int(0...2)
    case 1: streamByteCount = random.int(1...8) * frameByteCounts[0]
    case 2...3: streamByteCount = random.int(0...20_000)
    default: streamByteCount = random.int(20_000...(isLarge ? 800_000 : 250_000))
    }
    isLengthKnown = random.chance(0.4)
    if random.chance(0.3) { readLimit = random.magnitude(64...16_384) }
  }

  private mutating func drawEndpoints(_ random: inout SplitMix64) {
    isPositional = [random.chance(0.4), random.chance(0.4)]
    writeBehindByteCount = UInt64(random.magnitude(1...1 << 20))
    sparse = [random.pick(SparseMode.allCases), random.pick(SparseMode.allCases)]
    if random.chance(0.5) { drawZeros(&random) }
    guard isPositional[0] else { return }
    isLengthKnown = true
    if isPositional[1], random.chance(0.3) {
      resumedOffset = random.chance(0.1) ? streamByteCount : random.int(0...streamByteCount)
      changedSource = !hasEnd && random.chance(0.1)
    }
    if streamByteCount > 0, !hasEnd, !changedSource, random.chance(0.03) {
      inputShrinksTo = random.int(0...(streamByteCount - 1))
    }
  }

  /// Runs of zeros, and, in a file that has holes, which of them are holes.
  private mutating func drawZeros(_ random: inout SplitMix64) {
    hasHoles = isPositional[0] && random.chance(0.7)
    var place = 0
    while place < streamByteCount {
      let data = random.chance(0.3) ? 0 : random.magnitude(1...100_000)
      let start = min(place + data, streamByteCount)
      place = min(start + random.magnitude(1...200_000), streamByteCount)
      zeros.append(start..<place)
      if hasHoles, random.chance(0.7) { holes.append(start..<place) }
    }
  }

  private mutating func drawNetwork(_ random: inout SplitMix64) {
    let base = random.magnitude(30_000...50_000_000)
    for _ in 0..<random.int(1...4) {
      let rate = random.chance(0.2) ? max(base / 10, 20_000) : base
      links.append((rate, Int64(random.magnitude(10_000...20_000_000))))
    }
    sendBuffer = random.magnitude(4096...131_072)
    receiveBuffer = random.magnitude(4096...131_072)
    segment = random.magnitude(1400...32_768)
    jitter = random.chance(0.5) ? random.magnitude(1...1_000_000) : 0
  }

  /// A chance that is off for half of the seeds, and for the others anything up to `limit`.
  private func weight(_ random: inout SplitMix64, _ limit: Double) -> Double {
    guard random.chance(0.5) else { return 0 }
    return limit / Double(1 << random.int(0...6))
  }

  private mutating func drawFaults(_ random: inout SplitMix64) {
    guard !random.chance(0.1) else { return }
    shortSend = weight(&random, 0.5)
    shortReceive = weight(&random, 0.5)
    shortRead = weight(&random, 0.8)
    shortWrite = weight(&random, 0.8)
    lateCompletion = weight(&random, 0.3)
    duplicateCompletion = weight(&random, 0.2)
    zeroCopyCopied = weight(&random, 0.5)
    zeroCopyRefused = weight(&random, 0.2)
    lateNotification = weight(&random, 0.8)
    inputPause = weight(&random, 0.2)
    outputPause = weight(&random, 0.2)
    slowConnection = weight(&random, 0.4)
    // One share of the seeds has a sound network, so that what is not the network's fault shows.
    if random.chance(0.75) {
      corruption = weight(&random, 0.1)
      connectFailure = weight(&random, 0.3)
      connectSlow = weight(&random, 0.3)
      acceptFailure = weight(&random, 0.3)
      if random.chance(0.2) { backlog = random.int(1...4) }
      if random.chance(0.2) {
        targetCount = random.int(2...3)
        deadTargets = [random.int(0...(targetCount - 1))]
      }
      drawNetworkFaults(&random)
    }
    if random.chance(0.4) { drawStalls(&random) }
    if random.chance(0.25) { drawEnds(&random) }
    if random.chance(0.35) {
      for _ in 0..<random.int(1...6) {
        strangers.append((moment(&random), random.pick(Stranger.Kind.allCases)))
      }
    }
    healAt = Int64(random.magnitude(500_000_000...20_000_000_000))
    isForeign = random.chance(0.005)
  }

  private func moment(_ random: inout SplitMix64) -> Int64 {
    Int64(random.magnitude(500_000...8_000_000_000))
  }

  private func duration(_ random: inout SplitMix64) -> Int64 {
    Int64(random.magnitude(1_000_000...10_000_000_000))
  }

  private mutating func drawNetworkFaults(_ random: inout SplitMix64) {
    let kinds = (0..<8).filter { _ in random.chance(0.5) }
    guard !kinds.isEmpty else { return }
    for _ in 0..<random.int(0...12) {
      let link = random.int(0...(links.count - 1))
      let fault: Fault =
        switch random.pick(kinds) {
        case 0: .resetOne
        case 1: .resetAll
        case 2: .resetLink(link)
        case 3: .silenceOne
        case 4: .silenceOneWay
        case 5: .linkDown(link, for: duration(&random))
        case 6: .linkDownOneWay(link, host: random.int(0...1), for: duration(&random))
        default: .allLinksDown(for: duration(&random))
        }
      faults.append((moment(&random), fault))
    }
  }

  private mutating func drawStalls(_ random: inout SplitMix64) {
    for _ in 0..<random.int(1...3) {
      let fault: Fault =
        switch random.int(0...2) {
        case 0: .stallInput(for: duration(&random))
        case 1: .stallOutput(for: duration(&random))
        default: .freeze(node: random.int(0...1), for: duration(&random))
        }
      faults.append((moment(&random), fault))
    }
  }

  private mutating func drawEnds(_ random: inout SplitMix64) {
    hasEnd = true
    let place = random.int(0...streamByteCount)
    switch random.int(0...8) {
    case 0: inputFailsAt = place
    case 1: outputFailsAt = place
    case 2:
      outputFailsAt = place
      outputFailure = random.pick([nil, .other])
    case 3: consumerGoesAt = place
    case 4: faults.append((moment(&random), .consumerGoes))
    case 5: synchronizeFails = true
    case 6: faults.append((moment(&random), .interrupt(node: random.int(0...1))))
    case 7: faults.append((moment(&random), .kill(node: random.int(0...1))))
    default:
      if let key = keys[0], random.chance(0.5) {
        keys[random.int(0...1)] = random.chance(0.5) ? nil : key &+ 1
      } else {
        keys[random.int(0...1)] = 77
      }
    }
  }
}
