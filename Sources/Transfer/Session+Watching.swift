import Wire

// Keeping the links full while the data runs.
extension Session {
  /// Looks at the links about once a second, on the side that sends.
  mutating func watchLinks(at now: Instant) {
    guard phase == .running, hasSeveralLinks else { return }
    actions.append(.lookAtLinks)
    noteCarriers()
    guard options.role == .sender, gathering?.step == .done, !keepsNumber else { return }
    // Frames that wait for the user's limit do not wait for a connection.
    let isHeldBack = pace.map { !$0.isBehind(at: now) } ?? false
    watch.note(isBusy: !isHeldBack && !isWindowShort && sending?.hasSendableFrame ?? false)
    guard now >= watchAt else { return }
    watchAt = now + Limits.statusInterval
    noteFairRates()
    var finding = watch.look(
      local: localLinks.map(\.sentByteCount),
      remote: remoteLinks.map(\.receivedByteCount),
      possible: knownForecast?.possible,
      // What is broken or being dialled explains an idle link, and more connections do not mend it.
      canMend: !connections.contains {
        isStuck($0, at: now) || $0.isComing
          || $0.state == .joined && now - $0.joinedAt < Limits.stuckAfter
      },
      at: now
    )
    // Links that are there, and too slow to be used, are not mended by more connections.
    let slow = connections.indices.filter { connections[$0].state == .joined && isTooSlow($0) }
      .map { connections[$0].crossing }
    finding.local.removeAll { link in
      Self.isNegligible(link, localLinks) || slow.contains { $0.local == link }
        || isDispensable(local: link)
    }
    finding.remote.removeAll { link in
      Self.isNegligible(link, remoteLinks) || slow.contains { $0.remote == link }
        || isDispensable(remote: link)
    }
    if finding.isEmpty { return gatherAgain(at: now) }
    actions.append(
      .report(
        .idleLinks(
          local: finding.local.map { localLinks[$0].name },
          remote: finding.remote.map { remoteLinks[$0].name }
        )
      )
    )
    mend(finding)
  }

  /// What the links can carry; nil if the speed of one is not known.
  var knownForecast: Forecast? {
    let ends = [localLinks, remoteLinks]
    let isKnown = ends.allSatisfy { !$0.isEmpty && $0.allSatisfy { $0.bitsPerSecond >= 1000 } }
    return isKnown ? Forecast(local: localLinks, remote: remoteLinks) : nil
  }

  /// Whether a link is known to add so little to the others that nobody would see it idle.
  private static func isNegligible(_ index: Int, _ links: [LinkStatus]) -> Bool {
    let all = links.reduce(0) { $0 + $1.bitsPerSecond }
    return links[index].bitsPerSecond > 0 && links[index].bitsPerSecond < all / 100
  }

  /// Whether what a connection carries does not arrive.
  func isStuck(_ connection: Connection, at now: Instant) -> Bool {
    // Several connections that share a slow link take longer than that for each frame.
    !connection.carried.isEmpty
      && now - connection.deliveredAt >= max(Limits.stuckAfter, connection.deliveryGap * 2)
  }

  /// Sounds the connections when some have joined since the links were chosen, and parts with those
  /// that crowd a link.
  ///
  /// The data stop for it: some tens of milliseconds, and seldom, since connections join only after a
  /// loss or for an idle link.
  private mutating func gatherAgain(at now: Instant) {
    let joined = connections.filter { $0.state == .joined }
    guard needsSounding, now >= gatherAt, watch.wasBusy,
      joined.contains(where: { $0.joinedAt > gatheredAt && !$0.isSounded }),
      // Over a long path the data would stop for long: what crowds a link stays then.
      min(roundTrip, Limits.soundingInterval) * joined.count + roundTrip <= Limits.gatheringTimeout,
      !joined.contains(where: { now - $0.joinedAt < Limits.stuckAfter }),
      // A dial that takes longer than this goes to a link that is broken: it is not waited for.
      !connections.contains(where: { $0.isComing && now - $0.joinedAt < Limits.stuckAfter })
    else { return }
    gatherAt = now + Limits.gatheringInterval
    // All of them, also those that were sounded before: a path may have been moved since.
    for index in connections.indices where connections[index].state == .joined {
      connections[index].isSounded = false
      connections[index].meetingCount = 0
      connections[index].crossing.remote = nil
    }
    sending?.keptForSounding = 1
    gathering?.isRepeated = true
    gathering?.isFresh = false
    gathering?.burstInterval = Limits.soundingInterval
    gathering?.unclearCount = 0
    gathering?.deadline = now + Limits.gatheringTimeout
    gathering?.step = .draining(until: now + Limits.stuckAfter)
  }

  /// Opens connections for idle links: aimed where the link here is idle, else as many as there are
  /// links, since chance leads one of them there.
  private mutating func mend(_ finding: LinkWatch.Finding) {
    guard dialing != nil else {
      return requestConnections(memberCount + finding.local.count + finding.remote.count)
    }
    for link in finding.local {
      if let index = dialing?.groups.firstIndex(where: { $0.link == link }) {
        raiseQuota(index)
      } else {
        for _ in localLinks { raiseQuota(0) }
      }
    }
    guard !finding.remote.isEmpty else { return }
    let groups = dialing?.groups.indices ?? 0..<0
    for number in 0..<max(remoteLinks.count, groups.count) { raiseQuota(number % groups.count) }
  }

  private mutating func raiseQuota(_ group: Int) {
    guard let dialing, dialing.wantedCount < options.connectionLimit else { return }
    self.dialing?.groups[group].quota += 1
  }

  // MARK: Asking the peer to dial

  /// We listen, so the peer is asked to have so many connections; again after a while, since what
  /// was asked may have been lost with its connection.
  mutating func requestConnections(_ count: Int) {
    let count = min(count, options.connectionLimit)
    guard count > requestedCount || present - requestedAt >= Limits.statusInterval else { return }
    requestedCount = max(count, requestedCount)
    requestedAt = present
    isRequestDue = true
  }

  mutating func sendRequest(_ id: ConnectionID, at now: Instant) -> Bool {
    guard isRequestDue else { return false }
    isRequestDue = false
    compose(id, FrameHeader(.request, number: UInt64(requestedCount)), at: now)
    return true
  }

  mutating func didReceiveRequest(_ id: ConnectionID, _ header: FrameHeader, at now: Instant) {
    guard let dialing else {
      return violate(id, "a request to dial, to a side that listens", at: now)
    }
    var most = options.connectionLimit
    if let asked = dialing.askedCount {
      // Before the data, candidates are wanted to choose from; after that, what the user has named.
      let factor = statistics.frameCount == 0 ? Limits.candidatesPerConnection : 1
      most = min(most, asked * factor)
    }
    let count = Int(min(header.number, UInt64(most)))
    if count > dialing.wantedCount { self.dialing?.share(count) }
  }
}
