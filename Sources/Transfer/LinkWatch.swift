/// Finds links that lie idle while the others are busy, from their counters once a second.
///
/// It knows nothing of connections; it says which links lack traffic, and the session opens some. It
/// is quiet while the source or the sink is the limit, and it tires: what some attempts did not mend
/// is tried ever more seldom, for a link that is broken may come back.
struct LinkWatch: Equatable {
  /// Counters at the last look, here and there.
  private var local: [UInt64] = []
  private var remote: [UInt64] = []
  private var lookedAt: Instant?
  private var busyCount = 0
  private var sampleCount = 0
  /// Looks in a row at which a link was idle, here and there.
  private var localIdle: [Int] = []
  private var remoteIdle: [Int] = []
  /// Attempts to mend since the last time that all links were busy.
  private(set) var attemptCount = 0
  /// No attempt before this.
  private var attemptAt = Instant(nanoseconds: 0)
  /// Links that stayed idle after a few attempts.
  private(set) var unmended = Finding()
  /// Whether the links were the limit at the last look.
  private(set) var wasBusy = false

  /// Links that lie idle, by index.
  struct Finding: Equatable {
    var local: [Int] = []
    var remote: [Int] = []

    var isEmpty: Bool { local.isEmpty && remote.isEmpty }
  }

  /// Takes in whether frames were waiting for a connection just now: the links are the limit then.
  mutating func note(isBusy: Bool) {
    sampleCount += 1
    busyCount += isBusy ? 1 : 0
  }

  /// Compares counters with those of the last look.
  ///
  /// - Parameters:
  ///   - newLocal: bytes sent by the links here.
  ///   - newRemote: bytes received by the links there.
  ///   - possible: what the slower end's links can carry, in thousands of bits per second; nil if that
  ///     is not known.
  ///   - canMend: whether more connections might help; if not, this is no attempt.
  ///   - now: the present time.
  /// - Returns: links that were idle at two looks in a row while frames were waiting at most samples.
  mutating func look(
    local newLocal: [UInt64],
    remote newRemote: [UInt64],
    possible: Int64? = nil,
    canMend: Bool = true,
    at now: Instant
  ) -> Finding {
    defer {
      (local, remote, lookedAt) = (newLocal, newRemote, now)
      (busyCount, sampleCount) = (0, 0)
    }
    let isBusy = busyCount * 4 >= sampleCount * 3 && sampleCount > 0
    wasBusy = isBusy
    guard let lookedAt, isBusy, local.count == newLocal.count, remote.count == newRemote.count,
      // An idle link takes nothing from the others while these carry what the other end can.
      !isFull(possible, newLocal, during: now - lookedAt)
    else {
      (localIdle, remoteIdle) = ([], [])
      return Finding()
    }
    Self.count(&localIdle, from: local, to: newLocal)
    Self.count(&remoteIdle, from: remote, to: newRemote)
    let finding = Finding(
      local: localIdle.indices.filter { localIdle[$0] >= 2 },
      remote: remoteIdle.indices.filter { remoteIdle[$0] >= 2 }
    )
    if finding.isEmpty {
      if !localIdle.contains(where: { $0 > 0 }), !remoteIdle.contains(where: { $0 > 0 }) {
        attemptCount = 0
        attemptAt = now
        unmended = Finding()
      }
      return finding
    }
    if attemptCount >= Limits.mendingAttempts { unmended = finding }
    guard canMend, now >= attemptAt else { return Finding() }
    attemptCount += 1
    let pause = Limits.statusInterval * (1 << min(attemptCount, Limits.mendingDoublings))
    attemptAt = now + pause
    (localIdle, remoteIdle) = ([], [])
    return finding
  }

  /// Whether nearly all that is possible was carried; not if it was more, since then speeds are wrong.
  private func isFull(_ possible: Int64?, _ newLocal: [UInt64], during time: Duration) -> Bool {
    // Wraps: counters may be anything, and then the answer does not matter.
    let byteCount = zip(local, newLocal).reduce(0) { $0 &+ ($1.1 > $1.0 ? $1.1 - $1.0 : 0) }
    let perMillisecond = Int64(clamping: byteCount) / max(time.inNanoseconds / 1_000_000, 1)
    let percent = (possible ?? 0) / 8 / 100
    return percent > 0 && (95...105).contains(perMillisecond / percent)
  }

  /// Idle: less than a hundredth of what the busiest link carried; slower links of one bond differ
  /// by tens, not by hundreds.
  private static func count(_ idle: inout [Int], from before: [UInt64], to after: [UInt64]) {
    let deltas = zip(before, after).map { $1 > $0 ? $1 - $0 : 0 }
    let busiest = deltas.max() ?? 0
    if idle.count != deltas.count { idle = Array(repeating: 0, count: deltas.count) }
    for index in deltas.indices {
      idle[index] = deltas.count > 1 && deltas[index] < busiest / 100 ? idle[index] + 1 : 0
    }
  }
}
