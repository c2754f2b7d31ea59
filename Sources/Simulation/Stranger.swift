import Transfer
import Wire

/// Somebody who connects to the listener and is not the peer.
struct Stranger {
  enum Kind: CaseIterable {
    /// Connects and says nothing.
    case silent
    /// Connects and leaves.
    case closer
    /// Connects forty times and says nothing.
    case flood
    /// Random bytes.
    case garbage
    /// Another protocol.
    case text
    /// The first bytes of a hello.
    case half
    /// A hello of the next version.
    case future
    /// A confirm where a hello is due.
    case malformed
    /// A hello of the role that the listener has.
    case sameRole
    /// A whole handshake of another session.
    case secondSession
    /// With a key where none is, without one where one is.
    case keyMix
    /// With the right session and the wrong key.
    case wrongKey
    /// What a real connection said, once more.
    case replay
    /// Joins a session without key, then says nonsense.
    case intruder
    /// Joins a session without key, then says something well-formed that nobody honest says.
    case liar
    /// Joins a session without key, then takes everything and says nothing.
    case blackHole
  }

  let kind: Kind
  var connections: [Int] = []
  var receivedCount = 0
  var hasConfirmed = false
}

extension World {
  /// How long a stranger waits for a session that it wants to disturb, in nanoseconds.
  private static let strangerPause: Int64 = 20_000_000

  mutating func strangerStep(_ index: Int, _ step: Int) {
    guard step == 0 else {
      // Without a key it may have passed for the peer until now.
      if plan.keys[listener] == nil { ledger.noteTrouble(until: now) }
      for c in strangers[index].connections where connections[c].sides[0].state == .open {
        closeSocket(c, 0, isReset: random.chance(0.3))
      }
      return
    }
    guard nodes[listener].endedAt == nil else { return }
    guard nodes[listener].hasStarted, recorded.count >= 2 * Greeting.byteCount else {
      if !isHealed { after(Self.strangerPause, .stranger(index, step: 0)) }
      return
    }
    let kind = strangers[index].kind
    note(30, index, "STRANGER \(kind)")
    marks.reach(.stranger)
    let isFlood = kind == .flood
    for _ in 0..<(isFlood ? 40 : 1) {
      let c = newConnection()
      connections[c].sides[0].state = .open
      connections[c].sides[0].owner = 2
      connections[c].sides[0].place = index
      strangers[index].connections.append(c)
      after(connections[c].latency, .knock(connection: c, attempt: 0))
    }
    let stay = random.magnitude(1_000_000...9_000_000_000)
    after(Int64(isFlood ? 8_000_000_000 : stay), .stranger(index, step: 1))
  }

  mutating func strangerConnected(_ c: Int) {
    let index = connections[c].sides[0].place
    switch strangers[index].kind {
    case .silent, .flood: break
    case .closer: closeSocket(c, 0, isReset: false)
    case .garbage: say(c, (0..<random.int(1...600)).map { _ in UInt8(random.int(0...255)) })
    case .text: say(c, Array("GET / HTTP/1.1\r\n".utf8) + Array(repeating: 0x20, count: 200))
    case .half: say(c, Array(encode(hello()).prefix(random.int(1...127))))
    case .future:
      var bytes = encode(hello())
      bytes[8] = 2
      say(c, bytes)
    case .malformed:
      var greeting = hello()
      greeting.kind = .confirm
      say(c, encode(greeting))
    case .sameRole:
      var greeting = hello()
      greeting.role = nodes[listener].role
      say(c, encode(greeting))
    case .secondSession:
      var greeting = hello()
      greeting.session = SessionID(low: random.next(), high: random.next())
      say(c, encode(greeting))
    case .keyMix:
      var greeting = hello()
      greeting.isKeyed.toggle()
      say(c, encode(greeting))
    case .wrongKey, .intruder, .liar, .blackHole: say(c, encode(hello()))
    case .replay: say(c, Array(recorded.prefix(Greeting.byteCount)))
    }
  }

  /// Reads everything; answers the first whole welcome where that is what the stranger is for.
  mutating func strangerReads(_ c: Int, _ side: Int) {
    let flow = connections[c].directions[1]
    let byteCount = flow.arrivedCount - flow.readCount
    let index = connections[c].sides[0].place
    if byteCount > 0 {
      connections[c].directions[1].bytes.drop(byteCount)
      connections[c].directions[1].readCount += byteCount
      strangers[index].receivedCount += byteCount
      transmit(c, 1)
    }
    if connections[c].sides[0].error != nil {
      connections[c].sides[0].state = .gone
    } else if flow.finArrived {
      closeSocket(c, 0, isReset: false)
    } else if strangers[index].receivedCount >= Greeting.byteCount, !strangers[index].hasConfirmed {
      strangers[index].hasConfirmed = true
      confirm(c, strangers[index].kind)
    }
  }

  private mutating func confirm(_ c: Int, _ kind: Stranger.Kind) {
    var greeting = hello()
    greeting.kind = .confirm
    switch kind {
    case .replay: say(c, Array(recorded[Greeting.byteCount..<(2 * Greeting.byteCount)]))
    case .wrongKey:
      greeting.proof = Bytes32((random.next(), 2, 3, 4))
      say(c, encode(greeting))
    case .intruder:
      say(c, encode(greeting) + (0..<200).map { _ in UInt8(random.int(0...255)) })
      if plan.keys[listener] == nil { marks.reach(.intruder) }
    case .liar:
      say(c, encode(greeting) + lie())
      guard plan.keys[listener] == nil else { return }
      marks.reach(.intruder)
      ledger.isLiedTo = true
    case .blackHole:
      say(c, encode(greeting))
      if plan.keys[listener] == nil { marks.reach(.intruder) }
    default: break
    }
  }

  /// A frame under the seed of a session without key, which everybody who hears its name can know.
  private mutating func lie() -> [UInt8] {
    var greeting = Greeting(.hello, role: .sender, session: hello().session, frameByteCount: 4096)
    greeting.isKeyed = false
    let seed = XXH64.hash((Array("braid frames".utf8) + greeting.transcript).span)
    let far = UInt64(1) << 40
    let header =
      nodes[listener].role == .receiver
      ? random.pick([
        FrameHeader(.data, length: 1, offset: far, number: far),
        FrameHeader(.data, length: 1_048_576, number: 0),
        FrameHeader(.ack, number: far, value: far), FrameHeader(.hole, value: 0),
      ])
      : random.pick([
        FrameHeader(.ack, number: far, value: far), FrameHeader(.reject, number: far, value: 1),
        FrameHeader(.end, offset: 0), FrameHeader(.data, length: 1, offset: far, number: far),
      ])
    var bytes = [UInt8](repeating: 0, count: FrameHeader.byteCount)
    var span = bytes.mutableSpan
    header.encode(into: &span, seed: seed)
    return bytes
  }

  /// A hello like the peer's, who can be overheard, without the peer's secret.
  private func hello() -> Greeting {
    let heard = try? Greeting(decoding: recorded.span)
    var greeting = Greeting(
      .hello,
      role: nodes[listener].role.opposite,
      session: heard?.session ?? SessionID(low: 1, high: 2),
      frameByteCount: 4096
    )
    greeting.isKeyed = plan.keys[listener] != nil
    greeting.connectionNumber = 1000
    greeting.nonce = Bytes32((1, 2, 3, 4))
    return greeting
  }

  private func encode(_ greeting: Greeting) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Greeting.byteCount)
    var span = bytes.mutableSpan
    greeting.encode(into: &span)
    return bytes
  }

  private mutating func say(_ c: Int, _ bytes: [UInt8]) {
    guard connections[c].sides[0].state == .open, connections[c].sides[0].error == nil else {
      return
    }
    connections[c].directions[0].bytes.append(bytes[...])
    connections[c].directions[0].acceptedCount += bytes.count
    transmit(c, 0)
  }

  /// Overhears the dialler's part of the first handshake.
  mutating func record(_ c: Int, _ d: Int, newest byteCount: Int) {
    guard d == 0, recorded.count < 2 * Greeting.byteCount, connections[c].sides[0].owner != 2 else {
      return
    }
    if recordedConnection == nil || connections[recordedConnection ?? 0].sides[0].state == .gone {
      recordedConnection = c
      recorded = []
    }
    guard recordedConnection == c else { return }
    let queue = connections[c].directions[d].bytes
    recorded += queue.first(queue.count).suffix(byteCount)
  }
}
