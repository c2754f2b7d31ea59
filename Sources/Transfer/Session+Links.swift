import Wire

/// Finding out, before the data starts, which links the connections cross.
///
/// The sending side decides: it knows its own counters, and the receiver's by status frames.
struct Gathering: Equatable {
  enum Step: Equatable {
    /// The receiver has not said yet which links it has.
    case awaitingStatus
    /// Data were moving; what is on its way is to arrive first, or the counters would tell nothing.
    case draining(until: Instant)
    /// Nothing is being sounded; the next connection can be.
    case choosing
    /// A burst is on its way over one connection.
    case sounding(ConnectionID, serial: UInt64, number: UInt32, since: Instant)
    /// The data may go.
    case done
  }

  var step = Step.awaitingStatus
  var deadline: Instant
  /// Whether data have moved already: then nothing is waited for, and connections only join by the
  /// way, not for the choice.
  var isRepeated = false
  /// Whether the receiver's counters are known as they are since the data stopped.
  var isFresh = true
  var nextNumber: UInt32 = 1
  /// What the next burst has.
  var burstByteCount = Limits.soundingByteCount
  /// Counters before the present burst, here and there.
  var localBefore: [UInt64] = []
  var remoteBefore: [UInt64] = []
  /// Bursts in a row that named no link.
  var unclearCount = 0
}

extension Session {
  // MARK: Looking

  /// Takes in what the owner found about the links here.
  mutating func didLookAtLinks(_ view: LinkView, at now: Instant) {
    localLinks = view.links
    processorMicroseconds = view.processorMicroseconds
    lookCount += 1
    Self.addNew(view.links, to: &firstLocalLinks)
    if phase == .opening, !options.leavesLinksToChance {
      dialing?.use(view.lanes, isPreferring: options.isPreferring, at: now)
    }
    compareCounters(at: now)
  }

  /// Remembers the counters that links had when they were first heard of; their order stays.
  private static func addNew(_ links: [LinkStatus], to known: inout [LinkStatus]) {
    known += links.dropFirst(known.count)
  }

  /// Takes in what the peer says about its links.
  mutating func didReceiveStatus(_ header: FrameHeader, _ links: [LinkStatus], at now: Instant) {
    remoteLinks = links
    if options.bench != nil { peerProcessorMicroseconds = header.number }
    if options.role == .sender, !hasHeardStatus, hasSeveralLinks {
      // How long an answer takes is to be known before one is waited for.
      for index in connections.indices where connections[index].isMember {
        actions.append(.measure(ConnectionID(index)))
      }
    }
    hasHeardStatus = true
    Self.addNew(links, to: &firstRemoteLinks)
    guard case .sounding(let id, let serial, header.detail, _) = gathering?.step else { return }
    actions.append(.lookAtLinks)
    pendingSounding = (id, serial)
  }

  /// The receiver shows its links at the start, after each burst, and about once a second; the sender
  /// at the start, so that what it says at the end can be told from what was before.
  mutating func sendStatus(_ id: ConnectionID, at now: Instant) -> Bool {
    guard phase == .running, lookCount > 0 else { return false }
    if options.role == .sender {
      guard statusSentAt == nil, hasSeveralLinks || options.bench != nil else { return false }
      composeStatus(id, answering: 0, at: now)
      return true
    }
    var answered: UInt32?
    if let sounding = connections[id.index].soundingToAnswer {
      guard lookCount > sounding.afterLook else { return false }
      answered = sounding.number
      connections[id.index].soundingToAnswer = nil
      // The burst lies between what was told last and what is told now, as the peer will find too.
      connections[id.index].crossing.local = Spread.link(
        thatCarried: UInt64(sounding.byteCount),
        before: countersTold,
        after: localLinks.map(\.receivedByteCount)
      )
    } else if let statusSentAt {
      let isNew = countersTold.count != localLinks.count
      guard hasSeveralLinks, isNew || now - statusSentAt >= Limits.statusInterval else {
        return false
      }
    }
    composeStatus(id, answering: answered ?? 0, at: now)
    return true
  }

  // MARK: Gathering

  /// Moves the gathering on; data waits until it is done.
  mutating func pumpGathering(at now: Instant) {
    guard phase == .running, let gathering, gathering.step != .done else { return }
    if now >= gathering.deadline + roundTrip * Limits.gatheringRoundTrips {
      return finishGathering(at: now)
    }
    switch gathering.step {
    case .awaitingStatus:
      guard hasHeardStatus else { return }
      if needsSounding {
        self.gathering?.step = .choosing
        widenQuota()
        pumpGathering(at: now)
      } else {
        finishGathering(at: now)
      }
    case .draining(let until):
      guard now >= until || connections.allSatisfy({ $0.carried.isEmpty || isStuck($0, at: now) })
      else { return }
      self.gathering?.step = .choosing
      chooseNext(at: now)
    case .choosing:
      chooseNext(at: now)
    case .sounding(let id, let serial, _, let since):
      let isLost = connections[id.index].serial != serial || !connections[id.index].isMember
      guard isLost || now >= since + soundingTimeout else { return }
      didSound(id, serial, crossing: Spread.Crossing(), at: now)
      chooseNext(at: now)
    case .done:
      break
    }
  }

  /// Whether a burst can tell anything that is not known: more than one link there, or links here
  /// that nobody can foresee.
  var needsSounding: Bool {
    // Where hosts are preferred to others, their links are not meant to be filled alike.
    guard dialing?.askedCount != 1, !options.isPreferring, !options.leavesLinksToChance else {
      return false
    }
    if remoteLinks.count > 1 { return true }
    guard localLinks.count > 1 else { return false }
    return dialing?.groups.contains { $0.link == nil } ?? true
  }

  /// Of the longest path, as far as it is known.
  var roundTrip: Duration {
    connections.compactMap { $0.isMember ? $0.roundTrip : nil }.max() ?? .zero
  }

  /// Connections that the links at both ends together can use.
  private var usefulCount: Int {
    let links = max(localLinks.count, remoteLinks.count, 1)
    let useful = links * Limits.connectionsPerLink
    return min(dialing?.askedCount ?? useful, options.connectionLimit)
  }

  private mutating func widenQuota() {
    let count = usefulCount
    guard let dialing else { return requestConnections(count) }
    if dialing.wantedCount < count { self.dialing?.share(count) }
  }

  /// Sounds the next connection; or, when all are sounded, decides whether they will do.
  private mutating func chooseNext(at now: Instant) {
    if let index = connections.indices.first(where: {
      connections[$0].canSend && connections[$0].state == .joined && !connections[$0].isSounded
        && connections[$0].carried.isEmpty
    }) {
      return sound(ConnectionID(index), at: now)
    }
    let isComing = connections.contains { $0.isComing || $0.state == .joined && !$0.isSounded }
    if gathering?.isRepeated == true { return finishGathering(at: now) }
    if isComing || memberCount < min(wantedCount, usefulCount) { return }
    let members = connections.indices.filter { connections[$0].state == .joined }
    let chosen = chosenMembers(among: members, total: usefulCount)
    let isEnough = chosen.count >= usefulCount && !isUneven
    let isExhausted =
      members.count >= min(usefulCount * Limits.candidatesPerConnection, options.connectionLimit)
    if isEnough || isExhausted || gathering?.unclearCount ?? 0 >= Limits.unclearSoundings {
      return finishGathering(at: now)
    }
    openCandidates(beyond: members, chosen)
  }

  private var wantedCount: Int { dialing?.wantedCount ?? requestedCount }

  /// A largest set of members in which no link has more than its share of `total`.
  private func chosenMembers(among members: [Int], total: Int) -> [Int] {
    let chosen = Spread.choose(
      among: members.map { connections[$0].crossing },
      localCount: localLinks.count,
      remoteCount: remoteLinks.count,
      total: total
    )
    return chosen.map { members[$0] }
  }

  /// Opens as many more as are missing, on the links here that lack them.
  private mutating func openCandidates(beyond members: [Int], _ chosen: [Int]) {
    guard let groups = dialing?.groups else {
      return requestConnections(members.count + max(usefulCount - chosen.count, 1))
    }
    let share = (usefulCount + groups.count - 1) / groups.count
    let least = isUneven ? 1 : 0
    for index in groups.indices {
      let held = chosen.count { connections[$0].crossing.local == groups[index].link }
      dialing?.groups[index].quota += max(share - held, least)
    }
  }

  /// Keeps the chosen connections, retires the others, and lets the data go.
  private mutating func finishGathering(at now: Instant) {
    let wasSounding = gathering?.step != .awaitingStatus
    if gathering?.isRepeated == false { holdForPartner(at: now) }
    gathering?.step = .done
    gatheredAt = now
    sending?.keptForSounding = 0
    guard wasSounding else { return }
    let members = connections.indices.filter { connections[$0].state == .joined }
    // Every link must have the same number: where connections of unequal company meet, TCP gives
    // each its fair part, and what one of them lacks on its other link nobody makes up for. Rather
    // one each than two here and one there.
    let links = max(localLinks.count, remoteLinks.count)
    var kept = chosenMembers(among: members, total: usefulCount)
    if kept.count < usefulCount { kept = chosenMembers(among: members, total: links) }
    var isClear = kept.count >= links
    if isUneven {
      isClear = true
      kept = members
    }
    if !isClear { kept = keptWithoutChoice(of: members) }
    for index in members where !kept.contains(index) { connections[index].state = .retiring }
    statistics.memberCount = memberCount
    noteCarriers()
    for index in dialing?.groups.indices ?? 0..<0 {
      let held = kept.count { connections[$0].group == index }
      // A link that has none now may be broken: it is to have its share when it comes back.
      let isBroken = gathering?.isRepeated == true && held == 0
      dialing?.groups[index].quota = isBroken ? Limits.connectionsPerLink : max(held, 1)
    }
    actions.append(.report(.gathered(kept: kept.count, of: members.count, isClear: isClear)))
  }

  /// Too little was learnt for a choice: at the start, only what goes beyond the number that was
  /// wanted is surplus, and those that lead to known links stay; later, only what is known to go
  /// beyond a link's share.
  private func keptWithoutChoice(of members: [Int]) -> [Int] {
    let chosen = chosenMembers(among: members, total: usefulCount)
    guard gathering?.isRepeated == true else {
      let others = members.filter { !chosen.contains($0) }
      return chosen + others.prefix(max(usefulCount - chosen.count, 0))
    }
    return members.filter { index in
      let crossing = connections[index].crossing
      let isKnown =
        (localLinks.count < 2 || crossing.local != nil)
        && (remoteLinks.count < 2 || crossing.remote != nil)
      return !isKnown || chosen.contains(index)
    }
  }

  /// Whether the same number of connections for every link will not fill them: the links of one end
  /// differ in speed, and a switch puts what one link here sends on several there.
  ///
  /// Then all candidates stay: between the fast links of both ends there are some then.
  private var isUneven: Bool {
    guard localLinks.count > 1, remoteLinks.count > 1,
      Self.differ(localLinks) || Self.differ(remoteLinks)
    else { return false }
    let crossings = connections.filter { $0.state == .joined }.map(\.crossing)
    return crossings.contains { one in
      crossings.contains { $0.local == one.local && $0.remote != one.remote }
    }
  }

  private static func differ(_ links: [LinkStatus]) -> Bool {
    let speeds = links.map(\.bitsPerSecond).filter { $0 > 0 }
    guard let least = speeds.min(), let most = speeds.max() else { return false }
    return least * 2 < most
  }

  // MARK: Sounding

  /// How long an answer may take.
  var soundingTimeout: Duration { Limits.soundingTimeout + roundTrip * 2 }

  private mutating func sound(_ id: ConnectionID, at now: Instant) {
    let limit = gathering?.burstByteCount ?? Limits.soundingByteCount
    guard let burst = sending?.takeForSounding(limit) else { return finishGathering(at: now) }
    let number = gathering?.nextNumber ?? 0
    gathering?.nextNumber += 1
    actions.append(.lookAtLinks)
    gathering?.remoteBefore = remoteLinks.map(\.receivedByteCount)
    gathering?.step = .sounding(
      id,
      serial: connections[id.index].serial,
      number: number,
      since: now
    )
    soundingByteCount = UInt64(burst.byteCount)
    let header = FrameHeader(.sounding, length: UInt32(burst.byteCount), detail: number)
    actions.append(.seal(burst.slot, header, seed: seed))
    connections[id.index].outgoing = .sounding(
      burst.slot,
      byteCount: burst.byteCount + FrameHeader.byteCount
    )
    connections[id.index].sentByteCount = 0
    connections[id.index].lastSent = now
    // The counters must be read before the burst is handed over: it goes out after `lookAtLinks`.
    gathering?.localBefore = []
    continueSend(id)
  }

  /// The counters here have just been read; compares them if a burst has just been answered.
  mutating func compareCounters(at now: Instant) {
    guard case .sounding(let id, let serial, _, let since) = gathering?.step, let gathering else {
      return
    }
    let local = localLinks.map(\.sentByteCount)
    guard pendingSounding != nil else {
      // The first look since the burst was ordered; it was taken before the burst was handed over.
      if gathering.localBefore.isEmpty { self.gathering?.localBefore = local }
      return
    }
    pendingSounding = nil
    if now - since > roundTrip + Limits.slowSounding {
      self.gathering?.burstByteCount = Limits.smallSoundingByteCount
    }
    let crossing = Spread.Crossing(
      local: Spread.link(
        thatCarried: soundingByteCount,
        before: gathering.localBefore,
        after: local
      ),
      remote: Spread.link(
        thatCarried: soundingByteCount,
        before: gathering.remoteBefore,
        after: remoteLinks.map(\.receivedByteCount)
      )
    )
    didSound(id, serial, crossing: crossing, at: now)
  }

  private mutating func didSound(
    _ id: ConnectionID,
    _ serial: UInt64,
    crossing: Spread.Crossing,
    at now: Instant
  ) {
    gathering?.step = .choosing
    if gathering?.isFresh == false {
      // The answer to the first burst after data says from where to count.
      gathering?.isFresh = true
      return
    }
    guard connections[id.index].serial == serial else { return }
    connections[id.index].isSounded = true
    let foreseen = connections[id.index].crossing.local
    connections[id.index].crossing = Spread.Crossing(
      local: crossing.local ?? foreseen,
      remote: crossing.remote
    )
    let isClear = crossing.remote != nil || remoteLinks.count < 2
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

  func name(_ index: Int?, _ links: [LinkStatus]) -> String? {
    index.flatMap { links.indices.contains($0) ? links[$0].name : nil }
  }
}
