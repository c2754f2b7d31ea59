import Transfer
import Wire

/// How one simulated transfer went.
public struct Report: Sendable {
  /// What it was drawn from.
  public let seed: UInt64
  /// The oracle that was violated, as a sentence; nil if none was.
  public let failure: String?
  /// A number that is the same for the same seed in every process.
  public let traceHash: UInt64
  /// Events of the world.
  public let stepCount: Int
  /// Virtual time until the end, in nanoseconds.
  public let duration: Int64
  /// How the sender and the receiver ended.
  public let outcomes: [String]
  /// How often each `Mark` was reached, by raw value.
  public let markCounts: [Int]
  /// How the links were used, where a topology was simulated.
  public let use: TopologyUse?

  /// Whether every oracle was content.
  public var isGood: Bool { failure == nil }
}

/// What stands at the two ends of the stream.
public enum Endpoints: Sendable {
  /// Pipes, read and written in order.
  case pipes
  /// Pipes, or files that are read and written at offsets, as the seed has it.
  case any
  /// Pipes without bytes, and random links between the hosts; the sender dials.
  case links
  /// The same links; the receiver dials.
  case linksReversed
}

/// Two real sessions in a virtual world, drawn from a seed.
public struct Simulator {
  /// Events of one run; the longest good ones need about a tenth.
  private static let stepLimit = 3_000_000
  /// The same of a topology: eight links of 10 Gbit/s for some seconds.
  private static let topologyStepLimit = 100_000_000
  /// Virtual time that the longest stall, the longest wait and the longest patience need together.
  private static let timeLimit: Int64 = 300_000_000_000

  private let seed: UInt64
  private let endpoints: Endpoints

  /// Prepares the world of a seed.
  ///
  /// - Parameters:
  ///   - seed: decides everything.
  ///   - endpoints: what the two ends of the stream may be; another choice makes another world.
  public init(seed: UInt64, endpoints: Endpoints = .any) {
    self.seed = seed
    self.endpoints = endpoints
  }

  /// Runs it to its end, or to the first violated oracle.
  ///
  /// - Parameter sink: takes every line of the trace; without it no text is made, and all happens
  ///   just the same.
  /// - Returns: how it went; the same for the same seed.
  public func run(sink: (@Sendable (String) -> Void)? = nil) -> Report {
    let isTopology = endpoints == .links || endpoints == .linksReversed
    var plan = isTopology ? Plan(topology: seed) : Plan(seed: seed, endpoints: endpoints)
    if endpoints == .linksReversed { plan.senderDials = false }
    let stepLimit = isTopology ? Self.topologyStepLimit : Self.stepLimit
    var world = World(plan: plan, sink: sink)
    world.start()
    while world.failure == nil, !world.isOver, let next = world.queue.next() {
      world.now = next.time
      world.stepCount += 1
      world.step(next.event)
      if world.stepCount > stepLimit { world.fail("no end after \(stepLimit) steps") }
      if world.now > Self.timeLimit {
        world.fail("no end after \(Self.timeLimit / 1_000_000_000) s")
      }
    }
    if world.failure == nil { world.checkAtTheEnd() }
    return Report(
      seed: seed,
      failure: world.failure,
      traceHash: world.trace.hash,
      stepCount: world.stepCount,
      duration: world.now,
      outcomes: world.nodes.map { node in
        node.outcome.map { "\($0)" } ?? (node.isAlive ? "-" : "killed")
      },
      markCounts: world.marks.counts,
      use: world.wires?.use
    )
  }
}

extension World {
  var isOver: Bool { nodes[0].endedAt != nil && nodes[1].endedAt != nil }

  mutating func start() {
    for n in nodes.indices { queue.add(.start(node: n), at: plan.startAt[n]) }
    for (index, entry) in plan.faults.enumerated() { queue.add(.fault(index), at: entry.at) }
    for (index, entry) in plan.strangers.enumerated() {
      queue.add(.stranger(index, step: 0), at: entry.at)
    }
    queue.add(.heal, at: plan.healAt)
    guard let wires else { return }
    for at in [wires.topology.settling, wires.endsAt] { queue.add(.sample, at: at) }
  }

  mutating func step(_ event: WorldEvent) {
    switch event {
    case .start(let n):
      nodes[n].isRunning = true
      wake(n, after: 1)
    case .turn(let n): turn(n)
    case .ready(let n, let completion): becameReady(n, completion)
    case .segmentLeft(let c, let d, let byteCount, let epoch): segmentLeft(c, d, byteCount, epoch)
    case .segmentArrived(let c, let d, let byteCount, let epoch):
      segmentArrived(c, d, byteCount, epoch)
    case .acknowledged(let c, let d, let count): acknowledgedOverWire(c, d, count)
    case .sample: sample()
    case .transmit(let c, let d): transmit(c, d)
    case .knock(let c, let attempt): knock(c, attempt)
    case .established(let c): established(c)
    case .resetArrived(let c, let side):
      if connections[c].isEstablished {
        // What is on a dead path does not arrive, resets included.
        if isPathUp(c, 1 - side) { resetArrived(c, side, error: .reset) }
      } else {
        refuseConnect(c)
      }
    case .endpoint(let n): endpointReady(n)
    case .command(let n, let end): commandEnds(n, end)
    case .fault(let index): apply(plan.faults[index].fault)
    case .linkReturns(let link): linkReturned(link)
    case .stranger(let index, let step): strangerStep(index, step)
    case .heal: heal()
    case .interrupt(let n): if !nodes[n].hasStarted { interrupt(n) }
    }
  }

  mutating func checkAtTheEnd() {
    if !isOver {
      return fail("nothing happens any more, but the \(name(nodes[0].isRunning ? 0 : 1)) waits")
    }
    for n in nodes.indices {
      guard let outcome = nodes[n].outcome, !isExplained(n, outcome) else { continue }
      fail("the \(name(n)) ends with \(outcome), and nothing has happened that would explain it")
    }
    checkTogether()
  }
}

extension Report: CustomStringConvertible {
  /// What happened, in two lines, and the trace hash to compare with another run.
  public var description: String {
    """
    seed \(seed): sender \(outcomes[0]), receiver \(outcomes[1])
    \(stepCount) steps, \(duration / 1_000_000) ms, trace \(String(traceHash, radix: 16))
    """
  }
}
