import Wire

// What the receiver says about what has come, and when.
extension Session {
  /// Acknowledges what was processed on the connection, and opens the window: when enough has come
  /// together or long enough been waited (Protocol.md, "Acknowledgement").
  mutating func sendAck(_ id: ConnectionID, at now: Instant) -> Bool {
    guard let receiving, isOutputReady, isReceiving else {
      return false
    }
    // Field by field here: a copy of the connection in every turn is what shows in a profile.
    let reportedLimit = connections[id.index].reportedLimit
    var isDue = reportedLimit == 0
    if connections[id.index].unreportedSince != nil {
      isDue =
        isDue || connections[id.index].unreportedByteCount >= acknowledgeByteCount
        || now - connections[id.index].acknowledgedAt >= acknowledgeDelay
        || receiving.end != nil
    }
    let opened = receiving.windowLimit - windowReport.limit
    if opened > 0 {
      isDue =
        isDue || opened >= UInt64(receiving.windowFrameCount / 4)
        || now - windowReport.at >= acknowledgeDelay
    }
    // One connection is told of a wider window at once; it may be slow or dead, so every other that
    // is idle is told a little later.
    if receiving.windowLimit > reportedLimit {
      isDue = isDue || now - connections[id.index].lastSent >= Limits.lateAfter
    }
    guard isDue else { return false }
    connections[id.index].unreportedByteCount = 0
    connections[id.index].unreportedSince = nil
    connections[id.index].acknowledgedAt = now
    connections[id.index].reportedLimit = receiving.windowLimit
    windowReport = (receiving.windowLimit, now)
    compose(
      id,
      FrameHeader(
        .ack,
        offset: receiving.writtenOffset,
        number: receiving.windowLimit,
        value: connections[id.index].processedFrameCount
      ),
      at: now
    )
    return true
  }

  /// A quarter of the sender's likely memory, shared by the connections, but no more than 1 MiB:
  /// acknowledgements must not be what the sender waits for.
  private var acknowledgeByteCount: Int {
    min(
      Limits.acknowledgeByteCount,
      options.ownMemoryByteCount / 4 / max(statistics.memberCount, 1)
    )
  }

  /// Works out, at each scan, by how much acknowledgements may be late.
  ///
  /// What is acknowledged late is in the sender's memory for so much longer. Where that is what limits,
  /// because the path is long or the links are fast, it is to be little beside what the window lasts.
  mutating func updateAcknowledgeDelay(at now: Instant) {
    guard let geometry, let receiving else { return }
    let elapsed = max((now - receipt.at).inNanoseconds / 1000, 1)
    let count = Int64(clamping: statistics.confirmedByteCount - receipt.byteCount)
    receipt.rate = (receipt.rate * 3 + count * 1000 / elapsed * 1000) / 4
    receipt.at = now
    receipt.byteCount = statistics.confirmedByteCount
    let window = Int64(geometry.frameByteCount) * Int64(receiving.windowFrameCount)
    let lasting = Duration.nanoseconds(window * 1_000_000 / (receipt.rate / 1000 + 1))
    let path = connections.compactMap { $0.isMember ? $0.leastRoundTrip : nil }.min() ?? .zero
    acknowledgeDelay = Self.acknowledgeDelay(lasting: lasting, path: path)
  }

  /// By how much acknowledgements may be late where the window lasts so long, on a path so long.
  static func acknowledgeDelay(lasting: Duration, path: Duration) -> Duration {
    min(max((lasting - path) / 6, Limits.acknowledgeDelayMinimum), Limits.acknowledgeDelay)
  }
}
