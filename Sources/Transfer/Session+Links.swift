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
    /// Connections are sounded, or waited for.
    case choosing
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
  /// Bursts that are on their way, oldest first.
  var bursts: [Burst] = []
  /// Over a long path the next one leaves so much later, before the first is answered.
  var burstInterval = Limits.soundingInterval
  /// Bursts from this number on may show that it is too short.
  var spreadFrom: UInt32 = 0
  var nextBurstAt = Instant(nanoseconds: 0)
  /// The receiver's counters as the last burst left them.
  var remoteBefore: [UInt64] = []
  /// Bursts in a row that named no link.
  var unclearCount = 0
  /// Bursts that were answered, or came to nothing.
  var soundedCount = 0

  /// A burst that has not been answered.
  struct Burst: Equatable {
    var id: ConnectionID
    var serial: UInt64
    var number: UInt32
    var byteCount: UInt64
    var since: Instant
    /// Counters here, before it left and when the next one was about to.
    var localBefore: [UInt64] = []
    var localAfter: [UInt64] = []
    /// Whether others were on their way at the same time.
    var hasCompany = false
    var isAnswered = false
  }
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
    wasAnswered(header.detail, links)
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
    if isChoiceOverdue(at: now) { return finishGathering(at: now) }
    switch gathering.step {
    case .awaitingStatus:
      guard hasHeardStatus else { return }
      if needsSounding {
        guard isPathMeasured else { return }
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
      pumpGathering(at: now)
    case .choosing:
      dropLostBursts(at: now)
      if gathering.step == .choosing, maySound(at: now) { chooseNext(at: now) }
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
  var usefulCount: Int {
    let links = max(localLinks.count, remoteLinks.count, 1)
    let useful = links * Limits.connectionsPerLink
    return min(dialing?.askedCount ?? useful, options.connectionLimit)
  }

  private mutating func widenQuota() {
    let count = usefulCount
    guard let dialing else { return requestConnections(count) }
    if dialing.wantedCount < count { self.dialing?.share(count) }
  }
}
