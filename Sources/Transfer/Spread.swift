import Wire

/// Which connections to keep so that every link at either end gets its share.
///
/// A connection crosses one link here and one there; the switch between has a hash of its own, so
/// that the pairs are as chance made them. Kept is a largest set in which no link has more than its
/// share: a maximum b-matching of the links here with the links there.
enum Spread {
  /// The pair of links that a connection crosses, by index; nil where that is unknown.
  struct Crossing: Equatable {
    var local: Int?
    var remote: Int?
  }

  /// Chooses among the crossings.
  ///
  /// - Returns: indices into `crossings`, in order. Unknown crossings are not chosen.
  /// - Complexity: O(connections x share), with at most 256 connections and 32 links.
  static func choose(
    among crossings: [Crossing],
    localCount: Int,
    remoteCount: Int,
    total: Int
  ) -> [Int] {
    var search = Search(
      crossings: crossings,
      localShare: share(total, localCount),
      remoteShare: share(total, remoteCount),
      localCount: max(localCount, 1),
      remoteCount: max(remoteCount, 1)
    )
    // One round per place: every link gets its first connection before any gets a second.
    for _ in 0..<search.localShare {
      for local in 0..<search.localCount { search.place(local) }
    }
    return crossings.indices.filter { search.isChosen[$0] }
  }

  private static func share(_ total: Int, _ count: Int) -> Int {
    (total + max(count, 1) - 1) / max(count, 1)
  }

  /// Kuhn's augmenting paths, with several places per link.
  private struct Search {
    let crossings: [Crossing]
    let localShare: Int
    let remoteShare: Int
    let localCount: Int
    let remoteCount: Int
    var isChosen: [Bool]
    var remoteLoad: [Int]

    init(
      crossings: [Crossing],
      localShare: Int,
      remoteShare: Int,
      localCount: Int,
      remoteCount: Int
    ) {
      self.crossings = crossings
      self.localShare = localShare
      self.remoteShare = remoteShare
      self.localCount = localCount
      self.remoteCount = remoteCount
      isChosen = Array(repeating: false, count: crossings.count)
      remoteLoad = Array(repeating: 0, count: remoteCount)
    }

    /// Gives a local link one more connection, moving others if need be.
    mutating func place(_ local: Int) {
      var visited = Array(repeating: false, count: remoteCount)
      _ = extend(from: local, &visited)
    }

    private func remote(_ index: Int) -> Int? {
      remoteCount == 1 ? 0 : crossings[index].remote.flatMap { $0 < remoteCount ? $0 : nil }
    }

    private func isAt(_ index: Int, _ local: Int) -> Bool {
      localCount == 1 || crossings[index].local == local
    }

    private mutating func extend(from local: Int, _ visited: inout [Bool]) -> Bool {
      for index in crossings.indices where !isChosen[index] && isAt(index, local) {
        guard let remote = remote(index), !visited[remote] else { continue }
        visited[remote] = true
        if remoteLoad[remote] < remoteShare {
          isChosen[index] = true
          remoteLoad[remote] += 1
          return true
        }
        for other in crossings.indices where isChosen[other] && self.remote(other) == remote {
          guard let owner = localCount == 1 ? 0 : crossings[other].local else { continue }
          isChosen[other] = false
          if extend(from: owner, &visited) {
            isChosen[index] = true
            return true
          }
          isChosen[other] = true
        }
      }
      return false
    }
  }

  /// The one link whose counter rose by a burst; nil if none did, or several.
  ///
  /// Headers make a burst larger on the wire, and other traffic adds to it: the link must show most
  /// of the burst, and no other link more than a quarter of it.
  static func link(
    thatCarried byteCount: UInt64,
    before: [UInt64],
    after: [UInt64]
  ) -> Int? {
    guard before.count == after.count, byteCount > 0 else { return nil }
    var found: Int?
    for index in before.indices {
      let delta = after[index] &- before[index]
      if delta > UInt64.max / 2 { return nil }  // A counter went back: the link was replaced.
      if delta >= byteCount / 10 * 8 {
        if found != nil { return nil }
        found = index
      } else if delta >= byteCount / 4 {
        return nil
      }
    }
    return found
  }
}
