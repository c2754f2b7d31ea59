import Wire

// Which connection may have another frame: none is to be what all the others wait for.
//
// Asked for every connection in every turn, so they read what they need in place: with 64 connections
// `let connection = connections[index]`, a copy, shows in a profile.
extension Session {
  /// The oldest frame on the way, if it is late and this connection may well be faster.
  ///
  /// Where links are known, the copy takes another one than the frame did: what holds up a frame is
  /// its link more often than its connection. After four times as long any connection will do.
  func lateFrame(for id: ConnectionID, at now: Instant) -> SlotID? {
    let patience = horizon ?? Limits.lateAfter
    guard let slot = sending?.oldestOutstanding,
      let age = sending?.age(ofSingle: slot, at: now), age >= patience,
      isPunctual(id)
        || connections[id.index].carried.isEmpty
          && age >= timeOfFrame(at: connections[id.index].rate.bytesPerSecond)
    else { return nil }
    let crossing = connections[id.index].crossing
    let isPatient = age < patience * 4
    for index in connections.indices where carries(index, slot) {
      if index == id.index { return nil }
      let other = connections[index].crossing
      let sharesLocal = localLinks.count > 1 && other.local == crossing.local
      let sharesRemote = remoteLinks.count > 1 && other.remote == crossing.remote
      let isKnown = crossing.local != nil || crossing.remote != nil
      if isPatient, isKnown, sharesLocal || sharesRemote { return nil }
    }
    return slot
  }

  /// When the frame that everything waits for may be sent again.
  var lateAt: Instant? {
    guard phase == .running, isStalled, let slot = sending?.oldestOutstanding,
      let age = sending?.age(ofSingle: slot, at: present)
    else { return nil }
    return present + ((horizon ?? Limits.lateAfter) - age)
  }

  private func carries(_ index: Int, _ slot: SlotID) -> Bool {
    let carried = connections[index].carried
    return (0..<carried.count).contains { carried[$0]?.slot == slot }
  }

  /// Whether another frame on this connection would arrive before the others have filled the window.
  ///
  /// A slow connection takes in far more than it delivers in time, and then all wait for it. So none
  /// gets more ahead than it delivers within the horizon. Those that are not much slower than the
  /// fastest may always have one frame: else, with little memory, nobody might have any.
  func isPunctual(_ id: ConnectionID) -> Bool {
    let index = id.index
    guard let horizon else {
      return connections[index].carriedByteCount < Limits.aheadOfFirstEstimate
    }
    if connections[index].isOutpaced { return false }
    // Of a newcomer nothing is known, and others know better.
    let isIdle = connections[index].carried.isEmpty
    guard connections[index].rate.bytesPerSecond > 0 else { return isIdle }
    if isIdle, !isTooSlow(index), !hasBusyMate(index) { return true }
    if takesTooMuch(index) {
      let late = Self.acknowledgeDelay(lasting: fillTime ?? .zero, path: leastPath)
      return timeOfNext(on: index) <= min(horizon, leastPath + late)
    }
    return timeOfNext(on: index) <= (isSlow(index) ? min(horizon, slowHorizon) : horizon)
  }

  /// Whether it has more than its fair part of a full link, where another has less.
  ///
  /// A full link is shared as the bytes are that wait before it. Until the queue is so long that TCP
  /// notices, that stays as it began, and the other may have a link that nobody else can fill.
  private func takesTooMuch(_ index: Int) -> Bool {
    guard let part = connections[index].fairRate else { return false }
    return connections[index].rate.bytesPerSecond > part + part / 10
  }

  /// Whether others wait for what it carries, rather than it for them.
  private func isSlow(_ index: Int) -> Bool {
    connections[index].rate.bytesPerSecond < fastestRate / 2
  }

  /// How long one more frame would be on its way: as long as what is there now takes, and once more
  /// its part of what that is beyond the round trip, which is as long however much is on its way.
  private func timeOfNext(on index: Int) -> Duration {
    let rate = connections[index].rate.bytesPerSecond
    let carried = connections[index].carriedByteCount
    guard let frame = geometry?.frameByteCount, carried > 0 else { return timeOfFrame(at: rate) }
    // Where others wait for the window already, a slow one is not given the benefit of the doubt.
    if isWindowShort, rate < fastestRate / Limits.muchFaster {
      return .nanoseconds(Int64(carried + frame) * 1_000_000 / (rate / 1000 + 1))
    }
    let present = Int64(carried) * 1_000_000 / (rate / 1000 + 1)
    let path = connections[index].leastRoundTrip ?? .zero
    let queued = max(present - path.inNanoseconds, 0)
    return .nanoseconds(present + queued / Int64(max(carried / frame, 1)))
  }

  /// Whether a slow link is busy with a frame of another connection: two at a time take twice as long.
  private func hasBusyMate(_ index: Int) -> Bool {
    let crossing = connections[index].crossing
    guard crossing != Spread.Crossing(),
      connections[index].rate.bytesPerSecond < fastestRate / Limits.muchFaster
    else { return false }
    return connections.indices.contains {
      $0 != index && connections[$0].state == .joined && !connections[$0].carried.isEmpty
        && connections[$0].crossing == crossing
    }
  }

  /// Whether a connection takes longer for one frame than all others are to wait for it.
  ///
  /// What it could add is less than what the others lose: no frame is shorter than a slot.
  func isTooSlow(_ index: Int) -> Bool {
    let rate = connections[index].rate.bytesPerSecond
    guard rate > 0, let fillTime, rate < fastestRate / Limits.muchFaster else { return false }
    return timeOfFrame(at: rate) > fillTime
  }

  /// What a frame takes at a rate, as far as it is known.
  private func timeOfFrame(at rate: Int64) -> Duration {
    guard rate > 0, let frame = geometry?.frameByteCount else { return .zero }
    return .nanoseconds(Int64(frame) * 1_000_000 / (rate / 1000 + 1))
  }

  /// Whether it is time to see if a connection is still too slow: by a second copy of a frame, which
  /// nobody waits for.
  func isTrialDue(_ id: ConnectionID, at now: Instant) -> Bool {
    let index = id.index
    guard connections[index].carried.isEmpty,
      connections[index].isOutpaced || isTooSlow(index)
    else { return false }
    // At most one frame of a window, where that takes longer.
    let interval = max(Limits.trialInterval, fillTime ?? .zero)
    return now - connections[index].deliveredAt >= interval
  }

  /// What a connection carries is a round trip's worth, and what is acknowledged late, before any of
  /// it is ahead of the others; but all together never carry more than the window.
  private var leastHorizon: Duration {
    guard let fillTime else { return Limits.horizonMinimum }
    return min(leastPath * 5 / 4 + min(Limits.horizonMinimum, fillTime * 3 / 4), fillTime)
  }

  /// The shortest round trip.
  private var leastPath: Duration {
    connections.compactMap { $0.state == .joined ? $0.roundTrip : nil }.min() ?? .zero
  }

  /// Half of the time in which all connections together fill the window, but no less than the shortest
  /// path needs; nil until rates are known.
  mutating func updateHorizon(at now: Instant) {
    guard let geometry, sending != nil else { return }
    var total: Int64 = 0
    fastestRate = 0
    for index in connections.indices where connections[index].state == .joined {
      if connections[index].carriedByteCount > 0 { connections[index].rate.didWait(at: now) }
      total += connections[index].rate.bytesPerSecond
      fastestRate = max(fastestRate, connections[index].rate.bytesPerSecond)
    }
    noteOutpaced(at: now)
    guard total > 0 else { return }
    let window = Int64(geometry.frameByteCount) * Int64(geometry.slotCount)
    let time = Duration.nanoseconds(window * 1000 / (total / 1000 + 1) * 1000)
    fillTime = time
    horizon = min(max(time / 2, leastHorizon), Limits.horizonMaximum)
    slowHorizon = min((time + leastPath) / 2, Limits.horizonMaximum)
  }

  // MARK: Hunger

  /// A frame was on its way for so long.
  mutating func noteLatency(_ time: Duration, of id: ConnectionID) {
    let known = connections[id.index].latency
    connections[id.index].latency =
      known == .zero || connections[id.index].isOutpaced ? time : (known * 3 + time) / 4
  }

  /// Adds up for how long connections have nothing to send because the window is closed.
  mutating func noteStarving(at now: Instant) {
    guard options.role == .sender, phase == .running else { return }
    let time = now - starvingNotedAt
    starvingNotedAt = now
    let isStalled = isStalled
    for index in connections.indices where connections[index].state == .joined {
      if connections[index].isStarving { connections[index].starvedTime += time }
      connections[index].isStarving = isStalled && connections[index].canSend
    }
  }

  /// Finds the connections that are to leave the window to others: where all of it is on its way and
  /// a fast connection could take more, each frame that another keeps for longer costs a part of it.
  private mutating func noteOutpaced(at now: Instant) {
    let elapsed = max((now - horizonAt).inNanoseconds / 1000, 1)
    horizonAt = now
    for index in connections.indices where connections[index].state == .joined {
      let starved = connections[index].starvedTime.inNanoseconds / elapsed
      connections[index].starvedTime = .zero
      connections[index].hunger = (connections[index].hunger * 3 + min(starved, 1000)) / 4
    }
    let hungry = connections.filter { $0.state == .joined && $0.hunger >= Limits.hunger }
    if hungry.contains(where: { $0.rate.bytesPerSecond * 2 >= fastestRate }) {
      windowShortUntil = now + Limits.windowMemory
    }
    isWindowShort = now < windowShortUntil
    for index in connections.indices where connections[index].state == .joined {
      let connection = connections[index]
      // A newcomer shows first, by a copy of a frame, how long it takes.
      let isNew = isWindowShort && connection.latency == .zero
      let isBehind = hungry.contains {
        $0.rate.bytesPerSecond > connection.rate.bytesPerSecond * 2
          && connection.latency > $0.latency + $0.latency / 20 + Limits.latencyNoise
      }
      connections[index].isOutpaced = isNew || isBehind
    }
  }

  /// Whether nothing new can be sent although there is something: the window or memory is closed, or
  /// only unacknowledged frames are left.
  var isStalled: Bool {
    guard let sending else { return false }
    if sending.hasSendableFrame { return false }
    return !sending.ready.isEmpty || sending.usedSlotCount == sending.geometry.slotCount
      || sending.input == .ended || sending.input == .awaitingCommand
  }
}
