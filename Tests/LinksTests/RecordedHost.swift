import Testing

@testable import Links

/// What the bonding driver showed, recorded; the files `Recorded+….swift` add to it.
enum RecordedBonds {
  /// All texts of /proc/net/bonding/bond0, by kernel and mode.
  static let all: [String: [String: String]] = [
    "5.10": linux510,
    "6.1": linux61.merging(lacp61) { first, _ in first },
    "6.12": linux612,
  ]

  /// The recorded files below /sys/class/net for a mode, by path.
  static func sysfs(_ mode: String) -> [String: String] {
    var files: [String: String] = [:]
    for line in (sysfs61[mode] ?? "").split(separator: "\n") {
      let parts = line.split(separator: "=", maxSplits: 1)
      files[String(parts[0])] = parts.count > 1 ? String(parts[1]) + "\n" : "\n"
    }
    return files
  }
}

/// A host that answers from recordings.
struct RecordedHost: HostView {
  /// Files by absolute path.
  var files: [String: String] = [:]
  var kernelRelease = "6.1.0-56-amd64"
  var states: [LinkState] = []
  /// Routes for a query without ports and without all hops.
  var chosen: Route = Route(isLocal: false, preferredSource: nil, hops: [])
  /// The answer to a query for all hops.
  var all: Route?
  /// The hop for a source port, if the route is a multipath route.
  var hopForPort: (@Sendable (UInt16) -> Int)?
  var neighbours: [IPAddress: MACAddress] = [:]

  func text(_ path: String) -> String? { files[path] }
  func exists(_ path: String) -> Bool { files.keys.contains { $0.hasPrefix(path) } }
  func links() throws(LinksError) -> [LinkState] { states }

  func route(_ query: RouteQuery) throws(LinksError) -> Route {
    if query.wantsAllHops { return all ?? chosen }
    guard let port = query.sourcePort, let hopForPort, let all else { return chosen }
    var route = chosen
    route.hops = [all.hops[hopForPort(port)]]
    return route
  }

  func neighbour(_ address: IPAddress, interfaceIndex: UInt32) -> MACAddress? {
    neighbours[address]
  }

  /// Adds the bond of a mode as Linux 6.1 showed it.
  mutating func addBond(_ mode: String, withSysfs: Bool = true) {
    files["/proc/net/bonding/bond0"] = RecordedBonds.all["6.1"]?[mode]
    guard withSysfs else { return }
    for (path, text) in RecordedBonds.sysfs(mode) { files["/sys/class/net/" + path] = text }
  }
}

/// Bytes of a hexadecimal text.
func bytes(_ hexadecimal: String) -> [UInt8] {
  let digits = hexadecimal.compactMap(\.hexDigitValue)
  return stride(from: 0, to: digits.count - 1, by: 2).map { index in
    UInt8(digits[index] << 4 | digits[index + 1])
  }
}
