internal import Transfer
internal import Uring
internal import Wire

/// Takes the figures of a session that measures, at set times.
struct Meter {
  /// What is there at one moment.
  struct Sample {
    var at: Int64
    var byteCount: UInt64
    var processorTime: Duration
    var processorWait: Duration
    var links: [LinkStatus]
    /// TCP's view, by place in the connection table; the port tells one that took another's place.
    var connections: [Int: (port: UInt16, information: TCPInformation)]
  }

  private let start: Int64
  private let omittedUntil: Int64
  let end: Int64
  /// When the next sample is due.
  private(set) var nextAt: Int64
  private var latest: Sample
  /// At the end of the omitted time, and of the measured one.
  private(set) var first: Sample
  private(set) var last: Sample?
  private(set) var intervals: [BenchInterval] = []

  private static let interval: Int64 = 1_000_000_000

  init(_ time: BenchTime, first sample: Sample) {
    start = sample.at
    omittedUntil = start + Int64(time.omitted) * 1_000_000
    end = start + Int64(time.total) * 1_000_000
    first = sample
    latest = sample
    nextAt = start
    nextAt = next(after: start)
  }

  /// Whether the time in which data flow is over.
  var isOver: Bool { last != nil }

  /// Takes in what is there now.
  ///
  /// - Returns: the stretch that has ended.
  mutating func take(_ sample: Sample, of role: Role, isPaired: Bool, isLast: Bool)
    -> BenchInterval
  {
    let boundary = isLast ? end : nextAt
    let interval = BenchInterval(
      role: role,
      isPaired: isPaired,
      start: .nanoseconds(latest.at - start),
      end: .nanoseconds(sample.at - start),
      byteCount: sample.byteCount - latest.byteCount,
      isOmitted: boundary <= omittedUntil,
      processorTime: sample.processorTime - latest.processorTime,
      retransmissions: Self.retransmissions(from: latest, to: sample),
      links: Self.links(from: latest, to: sample, isSender: role == .sender)
    )
    intervals.append(interval)
    latest = sample
    if boundary <= omittedUntil { first = sample }
    if boundary >= end { last = sample }
    nextAt = next(after: boundary)
    return interval
  }

  private func next(after boundary: Int64) -> Int64 {
    let second = boundary + Self.interval
    return min(second, boundary < omittedUntil ? omittedUntil : max(end, boundary + 1))
  }

  private static func retransmissions(from old: Sample, to new: Sample) -> Int {
    new.connections.reduce(0) { sum, entry in
      let before = old.connections[entry.key]
      let isSame = before?.port == entry.value.port
      let count = entry.value.information.retransmittedSegments
      return sum + count - (isSame ? before?.information.retransmittedSegments ?? 0 : 0)
    }
  }

  private static func links(
    from old: Sample,
    to new: Sample,
    isSender: Bool
  ) -> [(name: String, byteCount: UInt64)] {
    new.links.map { link in
      let before = old.links.first { $0.name == link.name }
      let count = isSender ? link.sentByteCount : link.receivedByteCount
      let start = isSender ? before?.sentByteCount : before?.receivedByteCount
      return (link.name, count &- (start ?? count))
    }
  }
}

extension Engine {
  /// Whether input and output are memory.
  var isMeasuring: Bool { endpoint.kind == .memory }

  /// User and system time of this process since the session began.
  var sessionProcessorTime: Duration { Clock.processorTime() - processorTimeBefore }

  func startMeter(at now: Int64) {
    guard let bench = session.options.bench else { return }
    meter = Meter(bench.time, first: sample(at: now))
  }

  /// Takes a sample when one is due.
  func runMeter(at now: Int64) {
    guard let due = meter?.nextAt, meter?.isOver == false else { return }
    // A receiver joins a little later than the sender, and would look when all is over.
    let isLast = session.isEverythingWritten
    guard now >= due || isLast else { return }
    let isPaired = session.options.bench?.isPaired == true
    let role = session.options.role
    let sample = sample(at: now)
    if let interval = meter?.take(sample, of: role, isPaired: isPaired, isLast: isLast) {
      common.observer.measured(interval)
    }
  }

  private func sample(at now: Int64) -> Meter.Sample {
    var connections: [Int: (UInt16, TCPInformation)] = [:]
    for index in sockets.indices where session.isCarrying(ConnectionID(index)) {
      guard let descriptor = sockets[index].descriptor,
        let information = try? Socket.information(descriptor),
        let port = (try? Socket.localAddress(descriptor))?.port,
        let peerPort = sockets[index].peer?.port
      else { continue }
      connections[index] = (common.network.listener == nil ? port : peerPort, information)
    }
    return Meter.Sample(
      at: now,
      byteCount: session.statistics.confirmedByteCount,
      processorTime: Clock.processorTime(),
      processorWait: Clock.processorWait(),
      links: links.view().links,
      connections: connections
    )
  }

  /// What the next read finds: a slot's worth of whatever stands in memory, until the time is over.
  func readMemory(_ byteCount: Int) -> Int { meter?.isOver ?? true ? 0 : byteCount }

  /// The figures; nil for a session that carries data, or ended before there were any.
  func benchResult(at now: Int64) -> BenchResult? {
    guard let meter, let last = meter.last, let bench = session.options.bench else { return nil }
    return BenchResult(
      role: session.options.role,
      isChecked: !bench.isUnchecked,
      duration: .nanoseconds(last.at - meter.first.at),
      byteCount: last.byteCount - meter.first.byteCount,
      processorTime: last.processorTime - meter.first.processorTime,
      processorWait: last.processorWait - meter.first.processorWait,
      intervals: meter.intervals,
      connections: connections,
      sessionByteCount: session.statistics.confirmedByteCount,
      sessionDuration: .nanoseconds(now - (joinedAt ?? now)),
      sessionProcessorTime: sessionProcessorTime,
      peerSessionProcessorTime: session.peerProcessorTime,
      rateLimit: session.options.role == .sender ? session.options.rateLimit : nil,
      windowByteCount: session.windowByteCount,
      frameByteCount: geometry?.frameByteCount ?? 0
    )
  }

  /// Looked at with the last sample: later they are closed.
  func noteConnections() {
    guard let meter, let last = meter.last, connections.isEmpty else { return }
    let isSender = session.options.role == .sender
    for (index, (port, after)) in last.connections.sorted(by: { $0.key < $1.key }) {
      let old = meter.first.connections[index]
      let before = old?.port == port ? old?.information : nil
      let names = session.linkNames(of: ConnectionID(index))
      let bytes = isSender ? after.acknowledgedByteCount : after.receivedByteCount
      let bytesBefore =
        (isSender ? before?.acknowledgedByteCount : before?.receivedByteCount) ?? 0
      let busy = after.busyMicroseconds &- (before?.busyMicroseconds ?? 0)
      let limited =
        after.receiverLimitedMicroseconds &- (before?.receiverLimitedMicroseconds ?? 0)
      let local = sockets[index].descriptor.flatMap { try? Socket.localAddress($0) }
      connections.append(
        BenchConnection(
          local: local?.description ?? "",
          peer: sockets[index].peer?.description ?? "",
          localLink: names.local,
          peerLink: names.remote,
          byteCount: bytes - min(bytesBefore, bytes),
          retransmissions: after.retransmittedSegments - (before?.retransmittedSegments ?? 0),
          roundTrip: .microseconds(after.roundTripMicroseconds),
          congestionWindow: after.congestionWindowSegments * after.segmentByteCount,
          busy: min(Double(busy) / Double(max((last.at - meter.first.at) / 1000, 1)), 1),
          receiverLimited: busy > 0 ? min(Double(limited) / Double(busy), 1) : 0
        )
      )
    }
  }
}
