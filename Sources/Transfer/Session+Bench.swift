import Wire

// Sessions that measure (Protocol.md, "Measuring").
extension Session {
  /// Whether payloads go without checksums.
  var isUnchecked: Bool { options.bench?.isUnchecked ?? false }

  /// Whether the user has named the number of connections, so that no idle link changes it.
  var keepsNumber: Bool { dialing?.askedCount != nil }

  // MARK: The handshake

  func addBench(to hello: inout Greeting) {
    guard let bench = options.bench else { return }
    hello.isBench = true
    hello.isUnchecked = bench.isUnchecked
    hello.streamByteCount = bench.time.wire
  }

  /// What we are to a dialler: one who measures is free to choose, as long as nobody has.
  func role(toward hello: Greeting) -> Role {
    options.bench != nil && sessionID == nil ? hello.role.opposite : options.role
  }

  /// What speaks against a hello because it measures, or because it does not; nil if nothing does.
  func benchObjection(to hello: Greeting) -> Refusal? {
    guard hello.isBench == (options.bench != nil) else { return .otherPurpose }
    guard hello.isBench else { return hello.isUnchecked ? .malformed : nil }
    if let sessionID, sessionID != hello.session { return .busy }
    guard let asked = Options.Bench(hello) else { return .malformed }
    return sessionID == nil || asked == options.bench ? nil : .malformed
  }

  /// The first connection that joins settles what a listener does.
  mutating func settleBench(by hello: Greeting) {
    guard sessionID == nil, let asked = Options.Bench(hello) else { return }
    options.role = hello.role.opposite
    options.bench = asked
  }

  // MARK: Figures

  /// The names of the links that a connection crosses, here and there, where they are known.
  public func linkNames(of id: ConnectionID) -> (local: String?, remote: String?) {
    guard connections.indices.contains(id.index) else { return (nil, nil) }
    let crossing = connections[id.index].crossing
    return (name(crossing.local, localLinks), name(crossing.remote, remoteLinks))
  }

  /// Whether a place of the connection table holds a connection that carries data.
  public func isCarrying(_ id: ConnectionID) -> Bool {
    connections.indices.contains(id.index) && connections[id.index].state == .joined
  }

  /// Whether a receiver has written all that there is.
  public var isEverythingWritten: Bool {
    switch phase {
    case .synchronizing, .lingering: true
    case .opening, .running, .parting, .over: false
    }
  }

  /// How far the sender may run ahead, in bytes; 0 before the session has begun.
  ///
  /// Ours bounds it; the peer's may be smaller, which is not known.
  public var windowByteCount: Int {
    geometry.map { $0.frameByteCount * ($0.slotCount - Limits.slotsKeptBack) } ?? 0
  }

  /// Processor time of the peer's process for this session, as it said last; nil if it did not.
  public var peerProcessorTime: Duration? {
    peerProcessorMicroseconds.map { .microseconds(Int64(clamping: $0)) }
  }
}

extension Options.Bench {
  /// What a hello asks for; nil if it makes no sense.
  init?(_ hello: Greeting) {
    guard hello.isBench, let time = BenchTime(wire: hello.streamByteCount) else { return nil }
    self.init(time: time, isUnchecked: hello.isUnchecked)
  }
}
