import Wire

// Which of the connections that were sounded stay, and whether more are to be tried.
extension Session {
  /// Sounds the next connection; or, when all are sounded, decides whether they will do.
  mutating func chooseNext(at now: Instant) {
    if let index = connections.indices.first(where: {
      connections[$0].canSend && connections[$0].state == .joined && !connections[$0].isSounded
        && connections[$0].carried.isEmpty && !isBeingSounded($0)
    }) {
      return sound(ConnectionID(index), at: now)
    }
    guard gathering?.bursts.isEmpty ?? true else { return }
    let isComing = connections.contains { $0.isComing || $0.state == .joined && !$0.isSounded }
    if gathering?.isRepeated == true { return finishGathering(at: now) }
    if isComing || memberCount < min(wantedCount, usefulCount) { return }
    let choice = choice(among: joinedMembers)
    let most = choice.isEven ? Limits.candidatesPerConnection * usefulCount : Limits.candidates
    // A peer that dials cannot be told which of its links to try, nor to give some up.
    let isExhausted =
      gathering?.soundedCount ?? 0 >= most
      || dialing == nil && joinedMembers.count >= options.connectionLimit
    if choice.isEnough || isExhausted || gathering?.unclearCount ?? 0 >= Limits.unclearSoundings {
      return finishGathering(at: now)
    }
    openCandidates(beyond: choice)
  }

  /// Whether the time for the choice is over: it is longer where a link that matters is still missed.
  func isChoiceOverdue(at now: Instant) -> Bool {
    guard let gathering else { return true }
    let deadline = gathering.deadline + roundTrip * Limits.gatheringRoundTrips
    if now < deadline { return false }
    return gathering.isRepeated || gathering.step == .awaitingStatus
      || now >= deadline + Limits.searchTimeout || choice(among: joinedMembers).isReaching
  }

  private var wantedCount: Int { dialing?.wantedCount ?? requestedCount }

  private var joinedMembers: [Int] {
    connections.indices.filter { connections[$0].state == .joined }
  }

  /// Members to keep.
  private struct Choice {
    var kept: [Int]
    /// Whether each link has the same number.
    var isEven = true
    /// Whether more candidates would not make it better.
    var isEnough: Bool
    /// Whether enough is known to part with the others.
    var isClear: Bool
    /// Whether they will fill the links, as far as is known.
    var isReaching = true
  }

  private func choice(among members: [Int]) -> Choice {
    // Every link has the same number: where connections of unequal company meet, TCP gives each its
    // fair part, and what one of them lacks on its other link nobody makes up for. Rather one each
    // than two here and one there.
    let links = max(localLinks.count, remoteLinks.count)
    var even = chosenMembers(among: members, total: usefulCount)
    let isFull = even.count >= usefulCount
    if !isFull { even = chosenMembers(among: members, total: links) }
    let isClear = even.count >= links
    let forecast = Forecast(local: localLinks, remote: remoteLinks)
    let enough = forecast.possible / 100 * Self.enoughPercent
    func carried(by members: [Int]) -> Int64 {
      forecast.use(of: members.map { connections[$0].crossing }).total
    }
    // Where there are as many links here as there, two on each do no harm, even on slow ones.
    let isUneven =
      (Self.differ(localLinks) || Self.differ(remoteLinks))
      && (localLinks.count != remoteLinks.count || !isFull)
    // Who names a number of connections wants that number.
    if dialing?.askedCount != nil || isClear && !isUneven && carried(by: even) >= enough {
      return Choice(kept: even, isEnough: isFull, isClear: isClear)
    }
    // Links that differ, or whose numbers do: what matters is that the connections can fill them.
    let fewest = forecast.fewest(of: members.map { connections[$0].crossing }).map { members[$0] }
    let isReaching = carried(by: fewest) >= enough
    return Choice(
      kept: fewest,
      isEven: false,
      isEnough: isReaching && members.count >= usefulCount,
      isClear: isReaching || isClear,
      isReaching: isReaching
    )
  }

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
  private mutating func openCandidates(beyond choice: Choice) {
    let members = joinedMembers
    guard let groups = dialing?.groups else {
      return requestConnections(members.count + max(usefulCount - choice.kept.count, 1))
    }
    if choice.isEven {
      let share = (usefulCount + groups.count - 1) / groups.count
      let chosen = chosenMembers(among: members, total: usefulCount)
      for index in groups.indices {
        let held = chosen.count { connections[$0].crossing.local == groups[index].link }
        dialing?.groups[index].quota += max(share - held, 0)
      }
      return
    }
    // What leads nowhere makes room.
    for index in members where !choice.kept.contains(index) { retire(index) }
    let spare = Forecast(local: localLinks, remote: remoteLinks)
      .use(of: choice.kept.map { connections[$0].crossing }).localSpare
    let most = spare.max() ?? 0
    // A link here that is full already needs no other way there.
    let lacking = groups.indices.filter { index in
      groups[index].link.map { $0 < spare.count && spare[$0] >= most / 8 } ?? true
    }
    for index in groups.indices {
      let held = choice.kept.count { connections[$0].group == index }
      let more = lacking.contains(index) ? max(usefulCount / lacking.count, 1) : 0
      dialing?.groups[index].quota = max(held + more, 1)
    }
  }

  private mutating func retire(_ index: Int) { connections[index].state = .retiring }

  /// Keeps the chosen connections, retires the others, and lets the data go.
  mutating func finishGathering(at now: Instant) {
    let wasSounding = gathering?.step != .awaitingStatus
    if gathering?.isRepeated == false { holdForPartner(at: now) }
    gathering?.step = .done
    gathering?.bursts = []
    gatheredAt = now
    sending?.keptForSounding = 0
    guard wasSounding else { return }
    let members = joinedMembers
    let choice = choice(among: members)
    let kept = choice.isClear ? choice.kept : keptWithoutChoice(of: members)
    for index in members where !kept.contains(index) { retire(index) }
    // What was asked for to choose from is wanted no more, nor is it what is missing later.
    requestedCount = kept.count
    isRequestDue = false
    statistics.memberCount = memberCount
    noteCarriers()
    for index in dialing?.groups.indices ?? 0..<0 {
      let held = kept.count { connections[$0].group == index }
      // A link that had none may be broken: it is to have its share when it comes back.
      let isBroken = !members.contains { connections[$0].group == index }
      let share = gathering?.isRepeated == true ? Limits.connectionsPerLink : 1
      dialing?.groups[index].quota = isBroken ? share : held
    }
    actions.append(
      .report(.gathered(kept: kept.count, of: members.count, isClear: choice.isClear))
    )
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

  /// Whether the connections fill the links as far as links can be filled without this one: where the
  /// other end is slower, a link may well be idle.
  func isDispensable(local: Int? = nil, remote: Int? = nil) -> Bool {
    let crossings = connections.filter { $0.state == .joined }.map(\.crossing)
    let isCrossed = crossings.contains {
      local != nil && $0.local == local || remote != nil && $0.remote == remote
    }
    if isCrossed { return false }
    let forecast = Forecast(local: localLinks, remote: remoteLinks)
    return forecast.use(of: crossings).total >= forecast.possible / 100 * Self.enoughPercent
  }

  /// Finds the connections that take more than their part of a link from others, about once a second.
  ///
  /// Only where links are known to differ: among equal ones no link is left idle by that.
  mutating func noteFairRates() {
    let members = joinedMembers
    // What was found before may be true no more.
    for index in members { connections[index].fairRate = nil }
    guard let knownForecast, Self.differ(localLinks) || Self.differ(remoteLinks) else { return }
    let parts = knownForecast.parts(
      of: members.map { connections[$0].crossing },
      carrying: members.map { connections[$0].rate.bytesPerSecond / 125 }
    )
    for (index, part) in zip(members, parts) { connections[index].fairRate = part.map { $0 * 125 } }
  }

  /// Links that are filled to this part are as good as full.
  private static let enoughPercent: Int64 = 98

  private static func differ(_ links: [LinkStatus]) -> Bool {
    let speeds = links.map(\.bitsPerSecond).filter { $0 > 0 }
    guard let least = speeds.min(), let most = speeds.max() else { return false }
    return least * 2 < most
  }
}
