/// What netlink says about one interface; true also where /sys shows another namespace.
public struct LinkState: Equatable, Sendable {
  /// The interface's number.
  public var index: UInt32
  /// The interface's name.
  public var name: String
  /// Whether it is switched on, `IFF_UP`.
  public var isEnabled: Bool
  /// Whether it is switched on and the other end answers, `IFF_LOWER_UP`.
  public var isUp: Bool
  /// Whether it is a loopback interface.
  public var isLoopback: Bool
  /// Its Ethernet address, if it has one.
  public var address: MACAddress?
  /// The interface that this one lies on, for a VLAN and the like.
  public var lowerIndex: UInt32?
  /// The bond or bridge that this one belongs to.
  public var masterIndex: UInt32?
  /// The driver's kind: "bond", "vlan", "bridge", "veth", nil for hardware.
  public var kind: String?
  /// The VLAN's number.
  public var vlan: UInt16?

  /// A hardware interface that is up and lies on nothing.
  public init(index: UInt32, name: String) {
    self.index = index
    self.name = name
    self.isEnabled = true
    self.isUp = true
    self.isLoopback = false
  }
}

/// The bytes that an interface has carried since it came up.
public struct LinkCounters: Equatable, Sendable {
  /// The interface's number.
  public var interfaceIndex: UInt32
  /// Bytes received, with Ethernet headers; how soon a driver counts differs.
  public var receivedBytes: UInt64
  /// Bytes sent, with Ethernet headers.
  public var sentBytes: UInt64
}

extension LinkState {
  /// `RTM_GETLINK` for all interfaces.
  static func dumpMessage(sequence: UInt32) -> [UInt8] {
    var body: [UInt8] = [UInt8](repeating: 0, count: 16)  // struct ifinfomsg
    var mask: [UInt8] = []
    mask.append(number: UInt32(8))  // RTEXT_FILTER_SKIP_STATS
    body.append(attribute: 29, mask)  // IFLA_EXT_MASK
    let message = NetlinkMessage(
      type: Netlink.getLink,
      flags: Netlink.flagRequest | Netlink.flagDump,
      sequence: sequence,
      body: body[...]
    )
    return message.bytes
  }

  /// Reads the body of `RTM_NEWLINK`; nil if it is too short or without a name.
  init?(body: ArraySlice<UInt8>) {
    guard body.count >= 16 else { return nil }
    let flags = body.number32(at: 8)
    index = body.number32(at: 4)
    isEnabled = flags & 1 != 0
    isUp = flags & 0x1_0001 == 0x1_0001
    isLoopback = flags & 8 != 0
    name = ""
    for attribute in NetlinkAttribute.parse(body.dropFirst(16)) {
      switch attribute.type {
      case 1: address = MACAddress(bytes: Array(attribute.payload))  // IFLA_ADDRESS
      case 3: name = Self.text(attribute.payload)  // IFLA_IFNAME
      case 5: lowerIndex = attribute.payload.number32(at: 0)  // IFLA_LINK
      case 10: masterIndex = attribute.payload.number32(at: 0)  // IFLA_MASTER
      case 18: readLinkInfo(attribute.payload)  // IFLA_LINKINFO
      default: continue
      }
    }
    if name.isEmpty { return nil }
  }

  private mutating func readLinkInfo(_ payload: ArraySlice<UInt8>) {
    let attributes = NetlinkAttribute.parse(payload)
    kind = attributes.first { $0.type == 1 }.map { Self.text($0.payload) }  // IFLA_INFO_KIND
    guard kind == "vlan", let data = attributes.first(where: { $0.type == 2 }) else { return }
    let id = NetlinkAttribute.parse(data.payload).first { $0.type == 1 }  // IFLA_VLAN_ID
    vlan = id.map { $0.payload.number16(at: 0) }
  }

  private static func text(_ payload: ArraySlice<UInt8>) -> String {
    String(decoding: payload.prefix { $0 != 0 }, as: UTF8.self)
  }
}

extension LinkCounters {
  /// `RTM_GETSTATS` for one interface, with its 64-bit counters only.
  static func message(interfaceIndex: UInt32, sequence: UInt32) -> [UInt8] {
    var body: [UInt8] = [0, 0, 0, 0]  // struct if_stats_msg
    body.append(number: interfaceIndex)
    body.append(number: UInt32(1))  // IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64)
    let message = NetlinkMessage(
      type: Netlink.getStatistics,
      flags: Netlink.flagRequest,
      sequence: sequence,
      body: body[...]
    )
    return message.bytes
  }

  /// Reads the body of `RTM_NEWSTATS`; nil without `IFLA_STATS_LINK_64`.
  init?(body: ArraySlice<UInt8>) {
    guard body.count >= 12 else { return nil }
    let attributes = NetlinkAttribute.parse(body.dropFirst(12))
    guard let counters = attributes.first(where: { $0.type == 1 })?.payload, counters.count >= 32
    else { return nil }
    interfaceIndex = body.number32(at: 4)
    // struct rtnl_link_stats64: rx_packets, tx_packets, rx_bytes, tx_bytes, …
    receivedBytes = counters.number(UInt64.self, at: 16)
    sentBytes = counters.number(UInt64.self, at: 24)
  }
}

/// A lookup in the neighbour table, which knows a peer's Ethernet address.
enum Neighbour {
  /// `RTM_GETNEIGH` for one address on one interface (Linux 5.0).
  static func message(_ address: IPAddress, interfaceIndex: UInt32, sequence: UInt32) -> [UInt8] {
    var body: [UInt8] = [address.family, 0, 0, 0]  // struct ndmsg
    body.append(number: interfaceIndex)
    body.append(contentsOf: [0, 0, 0, 0])
    body.append(attribute: 1, address.bytes)  // NDA_DST
    let message = NetlinkMessage(
      type: Netlink.getNeighbour,
      flags: Netlink.flagRequest,
      sequence: sequence,
      body: body[...]
    )
    return message.bytes
  }

  /// The Ethernet address in the body of `RTM_NEWNEIGH`.
  static func address(body: ArraySlice<UInt8>) -> MACAddress? {
    let attributes = NetlinkAttribute.parse(body.dropFirst(12))
    let address = attributes.first { $0.type == 2 }  // NDA_LLADDR
    return address.flatMap { MACAddress(bytes: Array($0.payload)) }
  }
}
