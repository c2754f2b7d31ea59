/// Picks source ports such that connections come to lie on the links as wanted.
public struct PortChooser: Equatable, Sendable {
  /// The ports to pick from, as `net.ipv4.ip_local_port_range` says.
  public var range: ClosedRange<UInt16>
  /// Ports that are kept for others, as `net.ipv4.ip_local_reserved_ports` says.
  public var reserved: [ClosedRange<UInt16>]
  /// Ports that are known to be taken, such as those of this session's other connections.
  public var taken: Set<UInt16>

  /// Picks from these ports.
  public init(
    range: ClosedRange<UInt16> = 32768...60999,
    reserved: [ClosedRange<UInt16>] = [],
    taken: Set<UInt16> = []
  ) {
    self.range = range
    self.reserved = reserved
    self.taken = taken
  }

  /// Reads the range and the reserved ports of a host; the kernel's defaults where it has none.
  public init(host: some HostView, taken: Set<UInt16> = []) {
    let directory = "/proc/sys/net/ipv4/"
    let range = host.text(directory + "ip_local_port_range").flatMap { Self.parseRange($0) }
    let reserved = host.text(directory + "ip_local_reserved_ports") ?? ""
    self.init(
      range: range ?? 32768...60999,
      reserved: Self.parseReserved(reserved),
      taken: taken
    )
  }

  /// Reads two numbers, the text of `ip_local_port_range`.
  public static func parseRange(_ text: String) -> ClosedRange<UInt16>? {
    let numbers = text.words.compactMap { UInt16($0) }
    guard numbers.count == 2, numbers[0] <= numbers[1], numbers[0] > 0 else { return nil }
    return numbers[0]...numbers[1]
  }

  /// Reads numbers and ranges with commas between, the text of `ip_local_reserved_ports`.
  public static func parseReserved(_ text: String) -> [ClosedRange<UInt16>] {
    text.split { $0 == "," || $0 == "\n" }.compactMap { part in
      let ends = part.split(separator: "-").compactMap { UInt16($0) }
      guard let first = ends.first, let last = ends.last, first <= last else { return nil }
      return first...last
    }
  }

  /// Picks candidate ports for each link.
  ///
  /// - Parameters:
  ///   - wanted: how many candidates each link should get: its connections, and some more to
  ///     fall back on when a port is in use after all.
  ///   - generator: what the choice is drawn from; the same seed gives the same ports.
  ///   - link: the link that a port leads to, as an index into `wanted`; nil if unknown.
  /// - Returns: for each link at most as many ports as wanted, none twice. There are fewer where
  ///   the hash leaves a link out, or the range is too small.
  public func candidates(
    wanted: [Int],
    using generator: inout some RandomNumberGenerator,
    link: (UInt16) -> Int?
  ) -> [[UInt16]] {
    var found = [[UInt16]](repeating: [], count: wanted.count)
    var missing = wanted.reduce(0, +)
    var tried: Set<UInt16> = []
    // A link that gets one port in 64 is still found, and 8192 route lookups take 0.2 s at most.
    let tries = min(64 * missing, 8192)
    for _ in 0..<tries where missing > 0 {
      let port = UInt16.random(in: range, using: &generator)
      guard !taken.contains(port), !reserved.contains(where: { $0.contains(port) }),
        tried.insert(port).inserted, let index = link(port), wanted.indices.contains(index),
        found[index].count < wanted[index]
      else { continue }
      found[index].append(port)
      missing -= 1
    }
    return found
  }
}
