import Wire

// Keeping the links full while the data runs.
extension Session {
  /// Looks at the links about once a second, on the side that sends.
  mutating func watchLinks(at now: Instant) {
    guard phase == .running, hasSeveralLinks else { return }
    actions.append(.lookAtLinks)
    noteCarriers()
    guard options.role == .sender, gathering?.step == .done else { return }
    watch.note(isBusy: sending?.hasSendableFrame ?? false)
    guard now >= watchAt else { return }
    watchAt = now + Limits.statusInterval
    let finding = watch.look(
      local: localLinks.map(\.sentByteCount),
      remote: remoteLinks.map(\.receivedByteCount),
      at: now
    )
    guard !finding.isEmpty else { return }
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
    let count = Int(min(header.number, UInt64(options.connectionLimit)))
    if count > dialing.wantedCount { self.dialing?.share(count) }
  }
}
