public import Wire

/// One way to the peer: an address of it, and the link here that connections over it take.
public struct Lane: Equatable, Sendable {
  /// Index of the address among the dial targets.
  public var target: Int
  /// Index into `LinkView.links`; nil where only trying can tell.
  public var link: Int?
  /// Place in the order of preference, from 0; without one all are alike.
  public var rank: Int

  /// A way to the peer.
  public init(target: Int, link: Int?, rank: Int = 0) {
    self.target = target
    self.link = link
    self.rank = rank
  }
}

/// The links of this host toward the peer, at one moment.
public struct LinkView: Equatable, Sendable {
  /// Their counters, always in the same order.
  public var links: [LinkStatus]
  /// Ways to dial, best first; empty where we do not dial.
  public var lanes: [Lane]
  /// User and system time of this process since the session began, in microseconds; told to the peer
  /// of a session that measures.
  public var processorMicroseconds: UInt64 = 0

  /// What the owner found.
  public init(links: [LinkStatus], lanes: [Lane] = []) {
    self.links = links
    self.lanes = lanes
  }
}

/// What the dialling side keeps in mind about getting connections: per link, a number to keep up.
struct DialState {
  /// All lanes over one link, and of one rank where there is a preference: alternatives of each other.
  struct Group: Equatable {
    var link: Int?
    var rank = 0
    var targets: [Int]
    /// Which of `targets` is tried next.
    var preferred = 0
    /// Connections that should be there.
    var quota = 0
    /// No dial before this.
    var nextAt: Instant
    var pause = Limits.dialPause

    var target: Int { targets[preferred] }
  }

  /// How many connections the user wants; nil: as many as the links need.
  let askedCount: Int?
  /// Most connections at one time.
  let limit: Int
  /// When the first connection must have joined.
  let giveUpAt: Instant
  var groups: [Group]
  var nextNumber: UInt32 = 0
  var lastFailure: Failure?
  /// Whether the last dial, or loss, was answered by a no: then the path works, and the question is
  /// whether anybody is there.
  var isAnswered = false

  init(targetCount: Int, askedCount: Int?, limit: Int, giveUpAt: Instant, at now: Instant) {
    self.askedCount = askedCount
    self.limit = limit
    self.giveUpAt = giveUpAt
    groups = [Group(link: nil, targets: Array(0..<targetCount), nextAt: now)]
    share(min(askedCount ?? Limits.connectionsOfOneLink, limit))
  }

  /// Takes over the lanes that were found; called before the first dial.
  mutating func use(_ lanes: [Lane], isPreferring: Bool, at now: Instant) {
    guard !lanes.isEmpty else { return }
    groups = []
    for lane in lanes {
      let rank = isPreferring ? lane.rank : 0
      if let index = groups.firstIndex(where: { $0.link == lane.link && $0.rank == rank }) {
        groups[index].targets.append(lane.target)
      } else {
        groups.append(Group(link: lane.link, rank: rank, targets: [lane.target], nextAt: now))
      }
    }
    let automatic =
      groups.count > 1
      ? groups.count * Limits.connectionsPerLink : Limits.connectionsOfOneLink
    share(min(askedCount ?? automatic, limit))
  }

  /// How many ranks there are, at least one.
  var rankCount: Int { (groups.map(\.rank).max() ?? 0) + 1 }

  /// Connections that should be there, over all links.
  var wantedCount: Int { groups.reduce(0) { $0 + $1.quota } }

  /// Spreads a number of connections over the groups, the first ones getting what is left over.
  mutating func share(_ count: Int) {
    for index in groups.indices {
      groups[index].quota = count / groups.count + (index < count % groups.count ? 1 : 0)
    }
  }

  /// A dial over a group came to nothing: the next one later, and to its next target.
  mutating func didFail(_ group: Int, isUrgent: Bool, jitter: UInt64, at now: Instant) {
    let pause = groups[group].pause
    groups[group].preferred = (groups[group].preferred + 1) % groups[group].targets.count
    // Up to a quarter more, so that many connections do not come back in step.
    let extra = Int64(jitter % UInt64(pause.inNanoseconds / 4 + 1))
    groups[group].nextAt = now + pause + .nanoseconds(extra)
    groups[group].pause = isUrgent ? Limits.dialPause : min(pause * 2, Limits.dialPauseMaximum)
  }

  /// A connection joined; whether it is any good is not known yet, so the pause stays what it is.
  mutating func didJoin() { isAnswered = false }

  /// A connection of a group proved good: what is missing there is dialled without delay.
  mutating func didProve(_ group: Int, at now: Instant) {
    groups[group].pause = Limits.dialPause
    groups[group].nextAt = min(groups[group].nextAt, now)
  }

  /// The peer has no use for a connection of a group: one fewer is kept up, but never none at all.
  ///
  /// None may be left over one link: who sends chooses by the links that the data cross.
  mutating func didGetBack(_ group: Int) {
    guard wantedCount > 1, groups[group].quota > 0 else { return }
    groups[group].quota -= 1
  }

  /// A connection joined and came to nothing all the same: as if it had not joined.
  ///
  /// Those that were dialled together and died together count as one.
  mutating func didLoseUnproven(_ group: Int, jitter: UInt64, at now: Instant) {
    guard now >= groups[group].nextAt else { return }
    didFail(group, isUrgent: false, jitter: jitter, at: now)
  }
}
