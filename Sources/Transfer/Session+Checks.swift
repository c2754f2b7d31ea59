// What must hold between two turns, for the simulation; every check is linear in the tables.
extension Session {
  /// The first promise that the session's own books break, as a sentence; nil if all hold.
  package var brokenInvariant: String? {
    guard phase != .over else { return nil }
    if let sending, let sentence = brokenInvariant(of: sending) { return sentence }
    if let receiving, let sentence = brokenInvariant(of: receiving) { return sentence }
    return nil
  }

  /// Whether the output is being read back.
  package var isReadingBack: Bool { phase == .verifying }

  /// Whether a payload waits in its socket for a slot.
  package var isHoldingFrame: Bool { connections.contains { $0.isHeld } }

  /// Whether frames wait that the receiver has no room for.
  package var isWindowClosed: Bool {
    guard let sending, let slot = sending.ready.first else { return false }
    return sending.frames[slot.index].number >= sending.windowLimit
  }

  /// Whether frames wait for the user's limit.
  package var isHeldBack: Bool { !mayStartFrame && sending?.hasSendableFrame ?? false }

  /// Whether a frame is on two connections at a time.
  package var isSendingTwice: Bool {
    sending?.frames.contains { $0.carrierCount > 1 } ?? false
  }

  /// Whether the verdict is on its way.
  package var isLingering: Bool {
    if case .lingering = phase { return true }
    return false
  }

  private func brokenInvariant(of sending: SendStream) -> String? {
    // Once the session parts, connections are closed with whatever they carry.
    guard case .running = phase else { return sending.brokenInvariant }
    var carriers = [Int](repeating: 0, count: sending.frames.count)
    for connection in connections {
      for distance in 0..<connection.carried.count {
        guard let carried = connection.carried[distance] else { continue }
        if sending.frames[carried.slot.index].number == carried.number {
          carriers[carried.slot.index] += 1
        }
      }
    }
    for (index, frame) in sending.frames.enumerated()
    where frame.number != SendStream.Frame.noNumber && carriers[index] != frame.carrierCount {
      return "slot \(index) counts \(frame.carrierCount) carriers, there are \(carriers[index])"
    }
    return sending.brokenInvariant
  }

  private func brokenInvariant(of receiving: ReceiveStream) -> String? {
    let loose = connections.count {
      if case .payload = $0.incoming { return true }
      return false
    }
    return receiving.brokenInvariant(loose: loose + (readBack?.slotCount ?? 0))
  }
}
