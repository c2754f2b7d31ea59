extension Bond {
  /// Reads the text of /proc/net/bonding/NAME.
  ///
  /// Nil if it names no known mode. Lines that are not known are passed over, so that a newer
  /// driver's text is still read. Source: drivers/net/bonding/bond_procfs.c, Linux 5.10 to 6.12.
  public init?(name: String, procText: String) {
    var bond: Bond?
    var section = Section.bond
    for line in procText.split(separator: "\n") {
      guard let (key, value) = Self.split(line) else { continue }
      if key == "Slave Interface" { section = .member }
      if key == "details actor lacp pdu" { section = .actor }
      if key == "details partner lacp pdu" { section = .partner }
      if key == "Bonding Mode" {
        guard let mode = BondMode(longName: value) else { return nil }
        bond = Bond(name: name, mode: mode)
      }
      switch section {
      case .bond: bond?.readBondLine(key, value)
      case .member: bond?.readMemberLine(key, value)
      case .actor where key == "port state":
        // IEEE 802.1AX, 6.4.2.3: bit 4 is Collecting, bit 5 Distributing.
        bond?.changeLast { $0.isDistributing = Int(value).map { $0 & 0x30 == 0x30 } }
      case .partner where key == "system mac address":
        bond?.changeLast { $0.partner = MACAddress(String(value)) }
      case .actor, .partner: continue
      }
    }
    guard let bond else { return nil }
    self = bond
  }

  private enum Section {
    case bond
    case member
    case actor
    case partner
  }

  private mutating func readBondLine(_ key: Substring, _ value: Substring) {
    switch key {
    case "Transmit Hash Policy":
      policy = value.split(separator: " ").first.flatMap { HashPolicy(rawValue: String($0)) }
      // The line is printed for balance-tlb only when flows do not move by load.
      if mode == .balanceTransmit { movesFlowsByLoad = false }
    case "Currently Active Slave": activeMember = value == "None" ? nil : String(value)
    case "Aggregator ID": activeAggregator = Int(value)
    case "Partner Mac Address": partner = MACAddress(String(value))
    default: break
    }
  }

  private mutating func readMemberLine(_ key: Substring, _ value: Substring) {
    switch key {
    case "Slave Interface": members.append(Member(name: String(value), isUp: false))
    // Also "down", "going down" and "going back", none of which may send.
    case "MII Status": changeLast { $0.isUp = value == "up" }
    case "Speed": changeLast { $0.speed = Self.speed(value) }
    case "Permanent HW addr": changeLast { $0.hardwareAddress = MACAddress(String(value)) }
    case "Aggregator ID": changeLast { $0.aggregator = Int(value) }
    default: break
    }
  }

  private mutating func changeLast(_ change: (inout Member) -> Void) {
    guard let last = members.indices.last else { return }
    change(&members[last])
  }

  /// "1000 Mbps", "Unknown", or of old kernels "-1 Mbps" and "4294967295 Mbps".
  private static func speed(_ text: Substring) -> UInt64? {
    guard let first = text.split(separator: " ").first, let megabits = UInt64(first),
      megabits > 0, megabits < UInt64(UInt32.max)
    else { return nil }
    return megabits * 1_000_000
  }

  /// Key and value of "Key: value" and "key:"; both without the blanks around them.
  private static func split(_ line: Substring) -> (Substring, Substring)? {
    guard let colon = line.firstIndex(of: ":") else { return nil }
    let key = line[..<colon].drop { $0 == " " || $0 == "\t" }
    let value = line[line.index(after: colon)...].drop { $0 == " " }
    return (key, value)
  }
}

extension Bond {
  /// Reads a bond out of sysfs files alone, for a kernel without /proc/net/bonding.
  ///
  /// - Parameters:
  ///   - name: the bond's name.
  ///   - text: the text of a file below /sys/class/net, or nil where there is none.
  public init?(name: String, sysfs text: (String) -> String?) {
    guard let modeText = text("\(name)/bonding/mode"), let first = modeText.firstWord,
      let mode = BondMode(rawValue: String(first))
    else { return nil }
    self.init(name: name, mode: mode)
    let names = (text("\(name)/bonding/slaves") ?? "").words
    members = names.map { Member(name: String($0), isUp: false) }
    addSysfs(text)
  }

  /// Adds what only sysfs shows to everybody: which members send, and the active aggregator.
  ///
  /// Does nothing if sysfs shows other members than this bond has: then it belongs to another
  /// network namespace.
  public mutating func addSysfs(_ text: (String) -> String?) {
    let directory = "\(name)/bonding"
    guard let names = text("\(directory)/slaves")?.words,
      names.map(String.init) == members.map(\.name)
    else { return }
    if let word = text("\(directory)/xmit_hash_policy")?.firstWord {
      policy = HashPolicy(rawValue: String(word))
    }
    if let word = text("\(directory)/tlb_dynamic_lb")?.firstWord { movesFlowsByLoad = word != "0" }
    if let word = text("\(directory)/active_slave")?.firstWord { activeMember = String(word) }
    if let word = text("\(directory)/ad_aggregator")?.firstWord { activeAggregator = Int(word) }
    if let word = text("\(directory)/ad_partner_mac")?.firstWord {
      partner = MACAddress(String(word))
    }
    for index in members.indices {
      let member = "\(members[index].name)/bonding_slave"
      if let state = text("\(member)/state")?.firstWord {
        members[index].isActive = state == "active"
      }
      if let status = text("\(member)/mii_status")?.firstWord {
        members[index].isUp = status == "up"
      }
      if let id = text("\(member)/ad_aggregator_id")?.firstWord {
        members[index].aggregator = Int(id)
      }
      if members[index].hardwareAddress == nil,
        let address = text("\(member)/perm_hwaddr")?.firstWord
      {
        members[index].hardwareAddress = MACAddress(String(address))
      }
    }
  }
}

extension StringProtocol {
  /// The parts between blanks and line ends.
  var words: [SubSequence] { split { $0 == " " || $0 == "\n" || $0 == "\t" } }
  /// The first of `words`.
  var firstWord: SubSequence? { words.first }
}
