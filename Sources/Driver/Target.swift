internal import Glibc
internal import Uring

/// One way to dial: an address of the peer, and where here connections to it start.
struct Target: Equatable {
  /// The peer's address and port.
  var address: SocketAddress
  /// Which of the hosts that were named it belongs to.
  var rank: Int
  /// The address here, with port 0; nil for the kernel's choice.
  var source: SocketAddress?
  /// The interface that connections are tied to, where the kernel permits it.
  var device: String?

  /// The number of that interface.
  var deviceIndex: UInt32? { device.flatMap { SocketAddress.interfaceIndex($0) } }

  /// Looks the hosts up, and combines each address with each binding of its family.
  ///
  /// - Parameters:
  ///   - hosts: the peer's names.
  ///   - bindings: addresses or interfaces here.
  ///   - deadline: name servers that do not answer are asked again until then.
  ///   - waiting: told once, why it takes longer.
  /// - Returns: at least one way, unless there are no hosts.
  /// - Throws: `StartFailure.network` for a name or binding that leads nowhere.
  static func all(
    toward hosts: [Plan.Host],
    from bindings: [String],
    until deadline: Int64,
    waiting: (String) -> Void
  ) throws(StartFailure) -> [Self] {
    let sources = try bindings.map(Source.init)
    var targets: [Self] = []
    for (rank, host) in hosts.enumerated() {
      for address in try lookUp(host, until: deadline, waiting: waiting) {
        if address.isLinkLocal, address.scope == 0, !sources.contains(where: { $0.device != nil }) {
          throw .network(
            "\(address.host) is an address on every link; name the interface as well: "
              + "\(address.host)%eth0."
          )
        }
        guard !sources.isEmpty else {
          targets.append(Self(address: address, rank: rank))
          continue
        }
        for source in sources {
          guard let local = source.address(address.family) else { continue }
          targets.append(
            Self(address: address, rank: rank, source: local, device: source.device)
          )
        }
      }
    }
    if targets.isEmpty, !hosts.isEmpty {
      throw .network(
        "nothing given with --bind has an address of the same family (IPv4 or IPv6) as the peer. "
          + "Name an interface that has one."
      )
    }
    return targets
  }

  /// Looks a host up, again and again as long as no name server answers.
  private static func lookUp(_ host: Plan.Host, until deadline: Int64, waiting: (String) -> Void)
    throws(StartFailure) -> [SocketAddress]
  {
    var hasTold = false
    while true {
      do {
        return try SocketAddress.resolve(host.name, port: host.port)
      } catch {
        guard error.isTemporary, Clock.now() < deadline else { throw .network(error.description) }
        if !hasTold { waiting(error.description) }
        hasTold = true
        var pause = timespec(tv_sec: 0, tv_nsec: lookUpPause)
        unsafe nanosleep(&pause, nil)
      }
    }
  }

  /// Nanoseconds between two questions; the resolver itself waits for seconds in each.
  private static let lookUpPause = 500_000_000

  /// What one --bind means.
  private struct Source {
    /// The interface, if one was named.
    var device: String?
    private var fixed: SocketAddress?

    init(_ text: String) throws(StartFailure) {
      if let address = SocketAddress(text, port: 0) {
        fixed = address
      } else if SocketAddress.interfaceIndex(text) != nil {
        device = text
      } else {
        throw .network(
          "--bind \(text): there is no interface of that name, and it is no IP address. "
            + "`ip address` lists both."
        )
      }
    }

    func address(_ family: SocketAddress.Family) -> SocketAddress? {
      if let device { return SocketAddress.ofInterface(device, family) }
      return fixed?.family == family ? fixed : nil
    }
  }
}

/// TCP's congestion control, by name.
enum CongestionControl {
  /// Asks the kernel whether it has one of that name, and we may use it.
  ///
  /// - Throws: `StartFailure.usage` with a sentence and the names that there are.
  static func check(_ name: String) throws(StartFailure) {
    guard let probe = (try? Socket.tcp(.v4))?.release() else { return }
    defer { close(probe) }
    do {
      try Socket.set(.congestionControl(name), on: probe)
    } catch .notPermitted {
      throw .usage(
        "--congestion \(name): only root may use it here; everybody may use "
          + "\(names("allowed")) (sysctl net.ipv4.tcp_allowed_congestion_control)."
      )
    } catch {
      throw .usage("--congestion \(name): this kernel has \(names("available")).")
    }
  }

  /// The names in one of the kernel's lists, with commas.
  private static func names(_ list: String) -> String {
    let path = "/proc/sys/net/ipv4/tcp_\(list)_congestion_control"
    guard let file = try? SmallFile(path: path, limit: 4096) else { return "none that we may see" }
    let text = String(decoding: file.bytes, as: UTF8.self)
    return text.split(whereSeparator: \.isWhitespace).joined(separator: ", ")
  }
}
