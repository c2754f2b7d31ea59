internal import Glibc
internal import Transfer

/// Descriptors enough for all connections, or fewer connections.
enum Descriptors {
  /// Besides connections: standard streams, messages on their way, ring, signals, netlink, listener,
  /// input or output, and what is open for a moment: /proc, /sys, name servers.
  private static let reserve = 16

  /// Raises the soft limit to what the session needs, and where the hard limit is below that, lets
  /// it have fewer connections.
  ///
  /// - Throws: `StartFailure.usage` if the connections that the user asked for do not fit.
  static func makeRoom(for plan: Plan, _ options: inout Options) throws(StartFailure) {
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    guard unsafe getrlimit(resource, &limit) == 0 else { return }
    let strangers = options.opening == .listen ? Limits.halfOpenConnections : 0
    let others = reserve + strangers
    // A listener learns only later whether both directions are measured.
    let isPair = plan.bench?.isPaired == true || plan.bench != nil && options.opening == .listen
    let sessions = isPair ? 2 : 1
    let needed = rlim_t(others + sessions * options.connectionLimit)
    if limit.rlim_cur < needed {
      limit.rlim_cur = min(needed, limit.rlim_max)
      guard unsafe setrlimit(resource, &limit) == 0 else { return }
    }
    guard limit.rlim_cur < needed else { return }
    let room = (Int(clamping: limit.rlim_cur) - others) / sessions
    let asked = max(plan.connectionCount ?? 1, plan.connectionLimit ?? 1)
    guard asked <= room else {
      let connections = asked == 1 ? "one connection" : "\(asked) connections"
      throw .usage(
        "\(connections) and all else need \(others + sessions * asked) descriptors, and the limit is "
          + "\(limit.rlim_max). Raise it (`ulimit -n`), or ask for fewer connections."
      )
    }
    options.connectionLimit = room
  }
}
