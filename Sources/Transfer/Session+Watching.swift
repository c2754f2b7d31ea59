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
    watch.note(isBusy: !isHeldBack && sending?.hasSendableFrame ?? false)
    guard now >= watchAt else { return }
    watchAt = now + Limits.statusInterval
    let finding = watch.look(
      local: localLinks.map(\.sentByteCount),
      remote: remoteLinks.map(\.receivedByteCount),
      // What is broken or being dialled explains an idle link, and more connections do not mend it.
      canMend: !connections.contains {
        isStuck($0, at: now) || $0.isComing
          || $0.state == .joined && now - $0.joinedAt < Limits.stuckAfter
      },
      at: now
    )
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

  /// Whether what a connection carries does not arrive.
  func isStuck(_ connection: Connection, at now: Instant) -> Bool {
    !connection.carried.isEmpty && now - connection.deliveredAt >= Limits.stuckAfter
  }

  /// Sounds the connections when some have joined since the links were chosen, and parts with those
  /// that crowd a link.
  ///
  /// The data stop for it: some tens of milliseconds, and seldom, since connections join only after a
  /// loss or for an idle link.
  private mutating func gatherAgain(at now: Instant) {
    let joined = connections.filter { $0.state == .joined }
    guard needsSounding, now >= gatherAt, watch.wasBusy,
      joined.contains(where: { !$0.isSounded }),
      !joined.contains(where: { now - $0.joinedAt < Limits.stuckAfter }),
      // A dial that takes longer than this goes to a link that is broken: it is not waited for.
      !connections.contains(where: { $0.isComing && now - $0.joinedAt < Limits.stuckAfter })
    else { return }
    gatherAt = now + Limits.gatheringInterval
    // All of them, also those that were sounded before: a path may have been moved since.
    for index in connections.indices where connections[index].state == .joined {
      connections[index].isSounded = false
      connections[index].crossing.remote = nil
    }
    sending?.keptForSounding = 1
    gathering?.isRepeated = true
    gathering?.isFresh = false
    gathering?.unclearCount = 0
    gathering?.deadline = now + Limits.gatheringTimeout
    gathering?.step = .draining(until: now + Limits.stuckAfter)
  }

  /// Opens connections for idle links: aimed where the link here is idle, else by chance.
  private mutating func mend(_ finding: LinkWatch.Finding) {
    guard dialing != nil else {
      return requestConnections(memberCount + finding.local.count + finding.remote.count)
    }
    for link in finding.local {
      if let index = dialing?.groups.firstIndex(where: { $0.link == link }) {
        raiseQuota(index)
      } else {
        raiseQuota(0)
      }
    }
    guard !finding.remote.isEmpty else { return }
    for index in dialing?.groups.indices ?? 0..<0 { raiseQuota(index) }
  }

  private mutating func raiseQuota(_ group: Int) {
    guard let dialing, dialing.wantedCount < options.connectionLimit else { return }
    self.dialing?.groups[group].quota += 1
  }

  // MARK: Asking the peer to dial

  /// We listen, so the peer is asked to have so many connections.
  mutating func requestConnections(_ count: Int) {
    requestedCount = min(max(count, requestedCount), options.connectionLimit)
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
