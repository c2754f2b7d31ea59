import Wire

/// What connections will carry together, when each link shares what it has fairly among them.
///
/// A connection is held up by its link here or by its link there; what one cannot use, the others on
/// its other link get. Where every pair of links has a connection, either all links here or all links
/// there are full; the less is left out, the less that holds.
struct Forecast {
  /// Capacities in thousands of bits per second.
  private let local: [Int64]
  private let remote: [Int64]

  /// - Parameters:
  ///   - local: the links here; none count as one of which nothing is known.
  ///   - remote: the links there.
  init(local: [LinkStatus], remote: [LinkStatus]) {
    let here = Self.capacities(local)
    let there = Self.capacities(remote)
    self.local = here ?? Self.spread(there ?? [1_000_000], over: max(local.count, 1))
    self.remote = there ?? Self.spread(here ?? self.local, over: max(remote.count, 1))
  }

  /// A link of unknown speed is taken for as fast as the fastest beside it; nil if all are unknown.
  private static func capacities(_ links: [LinkStatus]) -> [Int64]? {
    let known = links.map { Int64($0.bitsPerSecond / 1000) }
    guard let most = known.max(), most > 0 else { return nil }
    return known.map { $0 > 0 ? $0 : most }
  }

  /// Links of which nothing is known are as fast as those at the other end, together.
  private static func spread(_ other: [Int64], over count: Int) -> [Int64] {
    Array(repeating: max(other.reduce(0, +) / Int64(count), 1), count: count)
  }

  /// What the slower end's links carry together, in thousands of bits per second.
  var possible: Int64 { min(local.reduce(0, +), remote.reduce(0, +)) }

  /// A link, or a part of one, that is less than this matters little.
  private var worthwhile: Int64 { possible / 16 }

  /// What the connections carry, and what is left of each link here.
  struct Use {
    var rates: [Int64]
    var localSpare: [Int64]

    var total: Int64 { rates.reduce(0, +) }
  }

  /// Fills the links: the one that has the least for each of its connections is full first.
  ///
  /// Connections whose links are unknown get nothing.
  func use(of crossings: [Spread.Crossing]) -> Use {
    var free = local + remote
    var rates = [Int64](repeating: 0, count: crossings.count)
    var open: [(index: Int, here: Int, there: Int)] = []
    for (index, crossing) in crossings.enumerated() {
      guard let pair = pair(crossing) else { continue }
      open.append((index, pair.local, local.count + pair.remote))
    }
    while !open.isEmpty {
      var counts = [Int64](repeating: 0, count: free.count)
      for one in open {
        counts[one.here] += 1
        counts[one.there] += 1
      }
      let shares = free.indices.map { counts[$0] > 0 ? free[$0] / counts[$0] : .max }
      guard let least = shares.min(), let full = shares.firstIndex(of: least) else { break }
      for one in open where one.here == full || one.there == full {
        rates[one.index] = least
        free[one.here] -= least
        free[one.there] -= least
      }
      open.removeAll { $0.here == full || $0.there == full }
    }
    return Use(rates: rates, localSpare: Array(free[..<local.count]))
  }

  /// What a connection may have of its links, where another lacks its fair part of one of them.
  ///
  /// - Parameters:
  ///   - crossings: the links of all connections.
  ///   - carried: what each carries now, in thousands of bits per second.
  /// - Returns: a fair part for each connection that shares a full link with one that has less than
  ///   nine tenths of its own, if that matters; nil for the others, who may have what they get.
  func parts(of crossings: [Spread.Crossing], carrying carried: [Int64]) -> [Int64?] {
    let fair = use(of: crossings).rates
    let capacities = local + remote
    var used = [Int64](repeating: 0, count: capacities.count)
    var isLacking = [Bool](repeating: false, count: capacities.count)
    let links = crossings.map { pair($0).map { [$0.local, local.count + $0.remote] } ?? [] }
    for index in crossings.indices {
      let isMissed = fair[index] >= worthwhile && carried[index] < fair[index] / 10 * 9
      for link in links[index] {
        used[link] += carried[index]
        isLacking[link] = isLacking[link] || isMissed
      }
    }
    return crossings.indices.map { index in
      let isContested = links[index].contains {
        isLacking[$0] && used[$0] >= capacities[$0] / 10 * 9
      }
      return isContested ? fair[index] : nil
    }
  }

  private func pair(_ crossing: Spread.Crossing) -> (local: Int, remote: Int)? {
    guard let here = local.count == 1 ? 0 : crossing.local, here < local.count,
      let there = remote.count == 1 ? 0 : crossing.remote, there < remote.count
    else { return nil }
    return (here, there)
  }

  /// The fewest connections that carry nearly what all of them do; those that add least go first.
  ///
  /// Each takes its part of slow links, which others may need more, and holds a frame there. A link
  /// that matters keeps two of those it has: one fills it while the other recovers from a loss.
  ///
  /// - Returns: indices into `crossings`, in order.
  /// - Complexity: O(connections^2 x links); there are 256 and 64 at most.
  func fewest(of crossings: [Spread.Crossing]) -> [Int] {
    let all = use(of: crossings)
    let enough = all.total / 1000 * 995
    var kept = crossings.indices.filter { pair(crossings[$0]) != nil }
    let order = kept.sorted { (all.rates[$0], $0) < (all.rates[$1], $1) }
    for index in order where !isNeeded(crossings[index], of: kept.map { crossings[$0] }) {
      let others = kept.filter { $0 != index }
      if use(of: others.map { crossings[$0] }).total >= enough { kept = others }
    }
    return kept
  }

  private func isNeeded(_ crossing: Spread.Crossing, of kept: [Spread.Crossing]) -> Bool {
    guard let pair = pair(crossing) else { return false }
    let pairs = kept.compactMap(self.pair)
    return local[pair.local] >= worthwhile && pairs.count { $0.local == pair.local } <= 2
      || remote[pair.remote] >= worthwhile && pairs.count { $0.remote == pair.remote } <= 2
  }
}
