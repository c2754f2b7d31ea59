/// What the bonding driver says about one bond.
public struct Bond: Equatable, Sendable {
  /// The interface's name.
  public var name: String
  /// How the bond spreads what it sends.
  public var mode: BondMode
  /// What its hash covers; nil where the mode does not hash and sysfs was not readable.
  public var policy: HashPolicy?
  /// Whether balance-tlb or balance-alb moves flows by load; the driver's default is yes.
  public var movesFlowsByLoad: Bool
  /// The only member that sends, in active-backup.
  public var activeMember: String?
  /// The aggregator in use, in 802.3ad; nil where there is none or it may not be seen.
  public var activeAggregator: Int?
  /// The address of the LACP partner; all zero when none answers, nil when it may not be seen.
  public var partner: MACAddress?
  /// The members in the driver's own order, which is the order they were added in.
  public var members: [Member]

  /// One interface that belongs to a bond.
  public struct Member: Equatable, Sendable {
    /// The interface's name.
    public var name: String
    /// Whether the driver's link monitor finds the link up.
    public var isUp: Bool
    /// Bits per second as the driver recorded it (a veth claims 10 Gbit/s); nil if unknown.
    public var speed: UInt64?
    /// In 802.3ad, the aggregator that this member belongs to.
    public var aggregator: Int?
    /// The address burnt into the hardware.
    public var hardwareAddress: MACAddress?
    /// Whether the driver calls the member active rather than backup; nil where it does not say.
    public var isActive: Bool?
    /// In 802.3ad, whether this end collects and distributes on the port; nil where unseen.
    public var isDistributing: Bool?
    /// In 802.3ad, the address of the system at the other end of this one link.
    public var partner: MACAddress?

    /// A member of which only the name and the state are known.
    public init(name: String, isUp: Bool) {
      self.name = name
      self.isUp = isUp
    }
  }

  /// A bond without members.
  public init(name: String, mode: BondMode) {
    self.name = name
    self.mode = mode
    self.movesFlowsByLoad = true
    self.members = []
  }

  /// Indices into `members` of those that may send, in the order the hash counts them in.
  ///
  /// The same choice as `bond_update_slave_arr()` in drivers/net/bonding/bond_main.c: the
  /// members in the order they were added in; under 802.3ad only those of the active
  /// aggregator; of these, the ones whose link is up and which are not marked as backup.
  public var sendingMembers: [Int] {
    let sending = members.indices.filter { index in
      let member = members[index]
      switch mode {
      case .activeBackup:
        return member.isUp && member.name == activeMember
      case .ieee8023ad:
        let inAggregator = activeAggregator == nil || member.aggregator == activeAggregator
        // Without a partner a port sends though LACP never lets it distribute.
        let alone = member.partner?.isZero == true
        let mayDistribute = alone || member.isDistributing ?? true
        return member.isUp && inAggregator && member.isActive ?? mayDistribute
      case .balanceRoundRobin, .balanceXor, .broadcast, .balanceTransmit, .balanceAdaptive:
        return member.isUp && member.isActive ?? true
      }
    }
    // Unprivileged and without sysfs the active aggregator cannot be seen; the driver prefers
    // the one with the most bandwidth, so the one with the most members is the best guess.
    guard mode == .ieee8023ad, activeAggregator == nil else { return sending }
    let groups = Dictionary(grouping: sending) { members[$0].aggregator ?? 0 }
    let largest = groups.max { ($0.value.count, -$0.key) < ($1.value.count, -$1.key) }
    return largest?.value ?? []
  }
}

/// The bonding driver's modes; the raw value is the name that sysfs and `ip` use.
public enum BondMode: String, Equatable, Sendable, CaseIterable {
  /// Packet by packet over all members in turn.
  case balanceRoundRobin = "balance-rr"
  /// One member sends, the others wait.
  case activeBackup = "active-backup"
  /// A hash picks the member; the other end is a static aggregate.
  case balanceXor = "balance-xor"
  /// Every packet goes out over every member.
  case broadcast = "broadcast"
  /// A hash picks the member; LACP decides which members take part.
  case ieee8023ad = "802.3ad"
  /// Flows are placed by load (or by hash, with `tlb_dynamic_lb=0`).
  case balanceTransmit = "balance-tlb"
  /// As balance-tlb by destination address, and received traffic is spread by ARP.
  case balanceAdaptive = "balance-alb"

  /// Reads the long name that /proc/net/bonding prints after "Bonding Mode: ".
  ///
  /// Source: `bond_mode_name()` in drivers/net/bonding/bond_main.c.
  public init?(longName: Substring) {
    switch longName {
    case "load balancing (round-robin)": self = .balanceRoundRobin
    case "load balancing (xor)": self = .balanceXor
    case "fault-tolerance (broadcast)": self = .broadcast
    case "IEEE 802.3ad Dynamic link aggregation": self = .ieee8023ad
    case "transmit load balancing": self = .balanceTransmit
    case "adaptive load balancing": self = .balanceAdaptive
    // May be followed by " (fail_over_mac active)".
    case _ where longName.hasPrefix("fault-tolerance (active-backup)"): self = .activeBackup
    default: return nil
    }
  }
}

/// What a bond's hash covers; the raw value is the name that the driver uses.
public enum HashPolicy: String, Equatable, Sendable, CaseIterable {
  /// Ethernet addresses: one peer, one link.
  case layer2
  /// Addresses and ports: the policy that lets one transfer use every link.
  case layer34 = "layer3+4"
  /// Ethernet and IP addresses: one pair of addresses, one link.
  case layer23 = "layer2+3"
  /// As layer2+3, looking into tunnels.
  case encap23 = "encap2+3"
  /// As layer3+4 looking into tunnels, but local TCP is placed by the socket's random number.
  case encap34 = "encap3+4"
  /// Source Ethernet address and VLAN: one link for the whole host (Linux 5.12).
  case vlanSourceMAC = "vlan+srcmac"
}
