/// What the bonding driver looks at when it picks the member for a packet of a TCP connection.
public struct Flow: Equatable, Sendable {
  /// The address that the connection is bound to here.
  public var source: IPAddress
  /// The peer's address, of the same family.
  public var destination: IPAddress
  /// The port here.
  public var sourcePort: UInt16
  /// The peer's port.
  public var destinationPort: UInt16
  /// The Ethernet address that the bond sends from; nil if unknown.
  public var sourceMAC: MACAddress?
  /// The Ethernet address of the peer or of the gateway; nil if unknown.
  public var destinationMAC: MACAddress?
  /// VLAN tag (with priority bits), if a VLAN lies on top of the bond.
  public var vlan: UInt16?

  /// A connection of which the Ethernet addresses are not known.
  public init(
    source: IPAddress,
    destination: IPAddress,
    sourcePort: UInt16,
    destinationPort: UInt16
  ) {
    self.source = source
    self.destination = destination
    self.sourcePort = sourcePort
    self.destinationPort = destinationPort
  }
}

/// The bonding driver's transmit hash.
///
/// Follows `__bond_xmit_hash()`, `bond_eth_hash()`, `bond_ip_hash()` and
/// `bond_vlan_srcmac_hash()` in drivers/net/bonding/bond_main.c, and `flow_get_u32_src()` in
/// net/core/flow_dissector.c, of Linux 5.10, 6.1 and 6.12.
public struct BondHash: Equatable, Sendable {
  /// Whether this host stores the lowest byte first, as x86 and arm64 Linux do.
  ///
  /// The driver copies header bytes into a number, so the result depends on the host.
  public var isLittleEndian: Bool
  /// Whether layer 2 reads the EtherType as a number; before Linux 5.15 its bytes were swapped.
  public var swapsEtherType: Bool
  /// Whether all IP policies drop the lowest bit, not only those with ports; nil if unknown.
  public var dropsLowestBitAlways: Bool?

  /// The rules of a kernel, by its release as `uname -r` gives it, such as "6.1.0-18-amd64".
  ///
  /// Commit 9e2ee5c7e7c3 (5.15) reads the EtherType as a number. Commit 49aefd131739 (5.18, and
  /// some stable releases of 5.15 and 5.17) keeps the lowest bit for layer2+3 and encap2+3; which
  /// of these a distribution's 5.15 to 5.17 has cannot be told from its number.
  public init(kernelRelease: String, isLittleEndian: Bool = 1.littleEndian == 1) {
    let numbers = kernelRelease.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
    let version = (numbers.first ?? 6, numbers.dropFirst().first ?? 0)
    self.isLittleEndian = isLittleEndian
    self.swapsEtherType = version >= (5, 15)
    self.dropsLowestBitAlways = version >= (5, 18) ? false : version < (5, 15) ? true : nil
  }

  /// The hash of one connection's packets; nil where it cannot be known.
  ///
  /// It cannot for `encap34`: for a local TCP socket the driver takes `skb->hash`, a random
  /// number of the socket that the kernel may also draw anew. Nor where the policy covers an
  /// Ethernet address that is not known.
  public func hash(_ flow: Flow, policy: HashPolicy) -> UInt32? {
    switch policy {
    case .layer34:
      return fold(ports(flow) ^ addresses(flow)) >> 1
    case .encap34:
      return nil
    case .layer2:
      return ethernet(flow)
    case .layer23, .encap23:
      guard let drops = dropsLowestBitAlways, let ethernet = ethernet(flow) else { return nil }
      return fold(ethernet ^ addresses(flow)) >> (drops ? 1 : 0)
    case .vlanSourceMAC:
      guard let bytes = flow.sourceMAC?.bytes else { return nil }
      let vendor = bytes[0..<3].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      let device = bytes[3..<6].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      return UInt32(flow.vlan ?? 0) ^ vendor ^ device
    }
  }

  private func fold(_ number: UInt32) -> UInt32 {
    let half = number ^ number >> 16
    return half ^ half >> 8
  }

  /// Both ports in wire order, read as one number of this host.
  private func ports(_ flow: Flow) -> UInt32 {
    host(UInt32(flow.sourcePort) << 16 | UInt32(flow.destinationPort))
  }

  private func addresses(_ flow: Flow) -> UInt32 {
    host(word(flow.source) ^ word(flow.destination))
  }

  /// IPv4 as it is; of IPv6 the four words folded by exclusive or (`ipv6_addr_hash()`).
  private func word(_ address: IPAddress) -> UInt32 {
    switch address {
    case .v4(let number):
      return number
    case .v6(let high, let low):
      let both = high ^ low
      return UInt32(truncatingIfNeeded: both ^ both >> 32)
    }
  }

  private func ethernet(_ flow: Flow) -> UInt32? {
    guard let source = flow.sourceMAC?.bytes[5], let target = flow.destinationMAC?.bytes[5] else {
      return nil
    }
    let type: UInt16 =
      switch flow.destination {
      case .v4: 0x0800
      case .v6: 0x86dd
      }
    let seen = swapsEtherType || !isLittleEndian ? type : type.byteSwapped
    return UInt32(source ^ target) ^ UInt32(seen)
  }

  private func host(_ bigEndian: UInt32) -> UInt32 {
    isLittleEndian ? bigEndian.byteSwapped : bigEndian
  }
}

extension Bond {
  /// The member that carries a connection.
  ///
  /// - Parameters:
  ///   - flow: the connection.
  ///   - rules: the kernel's hash.
  /// - Returns: the index into `members` that carries `flow`, or nil where that is not decided
  ///   by a hash or the hash cannot be known.
  public func member(carrying flow: Flow, rules: BondHash) -> Int? {
    let sending = sendingMembers
    guard sending.count > 1 else { return sending.first }
    switch spread {
    case .one: return mode == .activeBackup ? sending.first : hashed(flow, sending, rules)
    case .byPort: return hashed(flow, sending, rules)
    case .byPortUnseen, .perPacket, .copies: return nil
    }
  }

  private func hashed(_ flow: Flow, _ sending: [Int], _ rules: BondHash) -> Int? {
    guard hashesStatically, let policy, let hash = rules.hash(flow, policy: policy) else {
      return nil
    }
    // slaves->arr[hash % count] in bond_xmit_3ad_xor_slave_get().
    return sending[Int(hash % UInt32(sending.count))]
  }

  /// Whether a fixed hash, and no load, decides.
  private var hashesStatically: Bool {
    switch mode {
    case .balanceXor, .ieee8023ad: true
    case .balanceTransmit, .balanceAdaptive: !movesFlowsByLoad
    case .balanceRoundRobin, .activeBackup, .broadcast: false
    }
  }

  /// What decides which member a connection to one peer address takes.
  public var spread: Spread {
    guard sendingMembers.count > 1 else { return .one }
    switch mode {
    case .balanceRoundRobin: return .perPacket
    case .activeBackup: return .one
    case .broadcast: return .copies
    // alb places by destination address: bond_xmit_alb_slave_get() in bond_alb.c.
    case .balanceAdaptive where movesFlowsByLoad: return .one
    case .balanceXor, .ieee8023ad, .balanceTransmit, .balanceAdaptive: break
    }
    switch policy {
    case .layer34?: return hashesStatically ? .byPort : .byPortUnseen
    case .encap34?: return .byPortUnseen
    case .layer2?, .layer23?, .encap23?, .vlanSourceMAC?: return .one
    case nil: return .byPortUnseen
    }
  }
}

/// How the connections to one peer address come to lie on the links.
public enum Spread: Equatable, Sendable {
  /// All of them on one link, whatever their ports.
  case one
  /// The source port decides, and it is known how.
  case byPort
  /// Connections differ, but only trying tells which link each takes.
  case byPortUnseen
  /// Every connection crosses all links, packet by packet, and arrives out of order.
  case perPacket
  /// Every packet crosses all links, so they carry no more than one.
  case copies
}
