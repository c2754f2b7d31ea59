import Wire

// Bursts that show which links a connection crosses.
extension Session {
  /// How long an answer may take.
  var soundingTimeout: Duration { Limits.soundingTimeout + roundTrip * 2 }

  /// Whether a burst leaves before the one before it is answered.
  ///
  /// Waiting for each answer would take seconds. Bursts that meet on a slow link all the same name no link, and are tried again later.
  private var isPathLong: Bool { roundTrip >= Limits.soundingInterval }

  /// Whether another burst may leave now.
  func maySound(at now: Instant) -> Bool {
    guard let gathering else { return false }
    return gathering.bursts.isEmpty || isPathLong && now >= gathering.nextBurstAt
  }

  /// When something is to be done about the bursts, if nothing happens before.
  var soundingDeadline: Instant? {
    guard let gathering, gathering.step == .choosing, let first = gathering.bursts.first else {
      return nil
    }
    let timeout = first.since + soundingTimeout
    return isPathLong && gathering.nextBurstAt > present
      ? min(timeout, gathering.nextBurstAt) : timeout
  }

  mutating func sound(_ id: ConnectionID, at now: Instant) {
    guard let gathering else { return }
    // In a fresh connection's first window, so that it arrives in one piece.
    let limit = isPathLong ? Limits.oneFlightByteCount : gathering.burstByteCount
    guard let burst = sending?.takeForSounding(limit) else {
      return gathering.bursts.isEmpty ? finishGathering(at: now) : ()
    }
    if gathering.bursts.isEmpty {
      self.gathering?.remoteBefore = remoteLinks.map(\.receivedByteCount)
    } else {
      for index in gathering.bursts.indices { self.gathering?.bursts[index].hasCompany = true }
    }
    // The counters must be read before the burst is handed over: it goes out after `lookAtLinks`.
    actions.append(.lookAtLinks)
    self.gathering?.nextNumber += 1
    self.gathering?.nextBurstAt = now + gathering.burstInterval
    self.gathering?.bursts.append(
      Gathering.Burst(
        id: id,
        serial: connections[id.index].serial,
        number: gathering.nextNumber,
        byteCount: UInt64(burst.byteCount),
        since: now,
        hasCompany: !gathering.bursts.isEmpty
      )
    )
    let header = FrameHeader(
      .sounding,
      length: UInt32(burst.byteCount),
      detail: gathering.nextNumber
    )
    actions.append(.seal(burst.slot, header, seed: seed))
    connections[id.index].outgoing = .sounding(
      burst.slot,
      byteCount: burst.byteCount + FrameHeader.byteCount
    )
    connections[id.index].sentByteCount = 0
    connections[id.index].lastSent = now
    continueSend(id)
  }

  /// Whether a burst over the connection is on its way.
  func isBeingSounded(_ index: Int) -> Bool {
    gathering?.bursts.contains { $0.id.index == index } ?? false
  }

  /// The receiver has read its counters after a burst; ours are to be read as well.
  mutating func wasAnswered(_ number: UInt32, _ links: [LinkStatus]) {
    guard let index = gathering?.bursts.firstIndex(where: { $0.number == number }) else { return }
    gathering?.bursts[index].isAnswered = true
    actions.append(.lookAtLinks)
  }

  /// The counters here have just been read: before a burst, or after it was answered.
  mutating func compareCounters(at now: Instant) {
    guard let gathering, !gathering.bursts.isEmpty else { return }
    let local = localLinks.map(\.sentByteCount)
    if let index = gathering.bursts.firstIndex(where: { $0.isAnswered }) {
      let burst = gathering.bursts[index]
      self.gathering?.bursts.remove(at: index)
      let crossing = Spread.Crossing(
        local: Spread.link(
          thatCarried: burst.byteCount,
          before: burst.localBefore,
          after: burst.localAfter.isEmpty ? local : burst.localAfter
        ),
        remote: Spread.link(
          thatCarried: burst.byteCount,
          before: gathering.remoteBefore,
          after: remoteLinks.map(\.receivedByteCount)
        )
      )
      self.gathering?.remoteBefore = remoteLinks.map(\.receivedByteCount)
      if now - burst.since > roundTrip + Limits.slowSounding {
        self.gathering?.burstByteCount = Limits.smallSoundingByteCount
      }
      return didSound(burst, crossing: crossing)
    }
    // The look before the newest burst, which is the one after the burst before it.
    let newest = gathering.bursts.count - 1
    guard gathering.bursts[newest].localBefore.isEmpty else { return }
    self.gathering?.bursts[newest].localBefore = local
    if newest > 0 { self.gathering?.bursts[newest - 1].localAfter = local }
  }

  /// Gives up waiting for answers that will not come.
  mutating func dropLostBursts(at now: Instant) {
    while let burst = gathering?.bursts.first {
      let index = burst.id.index
      let isLost = connections[index].serial != burst.serial || !connections[index].isMember
      guard isLost || now >= burst.since + soundingTimeout else { return }
      gathering?.bursts.removeFirst()
      didSound(burst, crossing: Spread.Crossing())
    }
  }

  private mutating func didSound(_ burst: Gathering.Burst, crossing: Spread.Crossing) {
    if gathering?.isFresh == false {
      // The answer to the first burst after data says from where to count.
      gathering?.isFresh = true
      return
    }
    let id = burst.id
    guard connections[id.index].serial == burst.serial else { return }
    let isClear = crossing.remote != nil || remoteLinks.count < 2
    if !isClear, burst.hasCompany {
      // The bursts may have met on their way: once more, further apart.
      spreadBursts(after: burst)
      connections[id.index].meetingCount += 1
      if connections[id.index].meetingCount <= Limits.soundingsThatMeet { return }
    }
    connections[id.index].isSounded = true
    gathering?.soundedCount += 1
    let foreseen = connections[id.index].crossing.local
    connections[id.index].crossing = Spread.Crossing(
      local: crossing.local ?? foreseen,
      remote: crossing.remote
    )
    let unclearCount = gathering?.unclearCount ?? 0
    gathering?.unclearCount = isClear ? 0 : unclearCount + 1
    actions.append(
      .report(
        .sounded(
          id,
          local: name(crossing.local, localLinks),
          remote: name(crossing.remote, remoteLinks)
        )
      )
    )
  }

  /// Doubles the time between bursts, once for all that left before it was doubled last.
  private mutating func spreadBursts(after burst: Gathering.Burst) {
    guard let gathering, burst.number >= gathering.spreadFrom else { return }
    self.gathering?.spreadFrom = gathering.nextNumber
    self.gathering?.burstInterval = min(gathering.burstInterval * 2, Limits.soundingTimeout)
  }

  func name(_ index: Int?, _ links: [LinkStatus]) -> String? {
    index.flatMap { links.indices.contains($0) ? links[$0].name : nil }
  }
}
