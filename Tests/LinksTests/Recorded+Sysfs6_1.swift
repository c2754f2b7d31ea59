// Recorded on Debian's Linux 6.1.0-56-amd64 in an emulated machine: two hosts with two veth
// pairs between them, a2 added to the bond before a1.

extension RecordedBonds {
  /// Files below /sys/class/net of host a, one a line with its text, by mode.
  static let sysfs61: [String: String] = [
    "balance-rr": """
    bond0/bonding/active_slave=
    bond0/bonding/ad_aggregator=
    bond0/bonding/ad_partner_mac=
    bond0/bonding/mode=balance-rr 0
    bond0/bonding/slaves=a2 a1
    bond0/bonding/tlb_dynamic_lb=1
    bond0/bonding/xmit_hash_policy=layer2 0
    a1/bonding_slave/ad_aggregator_id=N/A
    a1/bonding_slave/mii_status=up
    a1/bonding_slave/perm_hwaddr=62:f3:a5:2a:72:7b
    a1/bonding_slave/state=active
    a2/bonding_slave/ad_aggregator_id=N/A
    a2/bonding_slave/mii_status=up
    a2/bonding_slave/perm_hwaddr=ee:0c:49:f8:85:2b
    a2/bonding_slave/state=active
    """,
    "active-backup": """
    bond0/bonding/active_slave=a2
    bond0/bonding/ad_aggregator=
    bond0/bonding/ad_partner_mac=
    bond0/bonding/mode=active-backup 1
    bond0/bonding/slaves=a2 a1
    bond0/bonding/tlb_dynamic_lb=1
    bond0/bonding/xmit_hash_policy=layer2 0
    a1/bonding_slave/ad_aggregator_id=N/A
    a1/bonding_slave/mii_status=up
    a1/bonding_slave/perm_hwaddr=62:f3:a5:2a:72:7b
    a1/bonding_slave/state=backup
    a2/bonding_slave/ad_aggregator_id=N/A
    a2/bonding_slave/mii_status=up
    a2/bonding_slave/perm_hwaddr=ee:0c:49:f8:85:2b
    a2/bonding_slave/state=active
    """,
    "balance-xor": """
    bond0/bonding/active_slave=
    bond0/bonding/ad_aggregator=
    bond0/bonding/ad_partner_mac=
    bond0/bonding/mode=balance-xor 2
    bond0/bonding/slaves=a2 a1
    bond0/bonding/tlb_dynamic_lb=1
    bond0/bonding/xmit_hash_policy=layer2 0
    a1/bonding_slave/ad_aggregator_id=N/A
    a1/bonding_slave/mii_status=up
    a1/bonding_slave/perm_hwaddr=62:f3:a5:2a:72:7b
    a1/bonding_slave/state=active
    a2/bonding_slave/ad_aggregator_id=N/A
    a2/bonding_slave/mii_status=up
    a2/bonding_slave/perm_hwaddr=ee:0c:49:f8:85:2b
    a2/bonding_slave/state=active
    """,
    "broadcast": """
    bond0/bonding/active_slave=
    bond0/bonding/ad_aggregator=
    bond0/bonding/ad_partner_mac=
    bond0/bonding/mode=broadcast 3
    bond0/bonding/slaves=a2 a1
    bond0/bonding/tlb_dynamic_lb=1
    bond0/bonding/xmit_hash_policy=layer2 0
    a1/bonding_slave/ad_aggregator_id=N/A
    a1/bonding_slave/mii_status=up
    a1/bonding_slave/perm_hwaddr=62:f3:a5:2a:72:7b
    a1/bonding_slave/state=active
    a2/bonding_slave/ad_aggregator_id=N/A
    a2/bonding_slave/mii_status=up
    a2/bonding_slave/perm_hwaddr=ee:0c:49:f8:85:2b
    a2/bonding_slave/state=active
    """,
    "balance-tlb": """
    bond0/bonding/active_slave=a2
    bond0/bonding/ad_aggregator=
    bond0/bonding/ad_partner_mac=
    bond0/bonding/mode=balance-tlb 5
    bond0/bonding/slaves=a2 a1
    bond0/bonding/tlb_dynamic_lb=1
    bond0/bonding/xmit_hash_policy=layer2 0
    a1/bonding_slave/ad_aggregator_id=N/A
    a1/bonding_slave/mii_status=up
    a1/bonding_slave/perm_hwaddr=62:f3:a5:2a:72:7b
    a1/bonding_slave/state=active
    a2/bonding_slave/ad_aggregator_id=N/A
    a2/bonding_slave/mii_status=up
    a2/bonding_slave/perm_hwaddr=ee:0c:49:f8:85:2b
    a2/bonding_slave/state=active
    """,
    "balance-alb": """
    bond0/bonding/active_slave=a2
    bond0/bonding/ad_aggregator=
    bond0/bonding/ad_partner_mac=
    bond0/bonding/mode=balance-alb 6
    bond0/bonding/slaves=a2 a1
    bond0/bonding/tlb_dynamic_lb=1
    bond0/bonding/xmit_hash_policy=layer2 0
    a1/bonding_slave/ad_aggregator_id=N/A
    a1/bonding_slave/mii_status=up
    a1/bonding_slave/perm_hwaddr=62:f3:a5:2a:72:7b
    a1/bonding_slave/state=active
    a2/bonding_slave/ad_aggregator_id=N/A
    a2/bonding_slave/mii_status=up
    a2/bonding_slave/perm_hwaddr=ee:0c:49:f8:85:2b
    a2/bonding_slave/state=active
    """,
    "xor-vlan-srcmac": """
    bond0/bonding/active_slave=
    bond0/bonding/ad_aggregator=
    bond0/bonding/ad_partner_mac=
    bond0/bonding/mode=balance-xor 2
    bond0/bonding/slaves=a2 a1
    bond0/bonding/tlb_dynamic_lb=1
    bond0/bonding/xmit_hash_policy=vlan+srcmac 5
    a1/bonding_slave/ad_aggregator_id=N/A
    a1/bonding_slave/mii_status=up
    a1/bonding_slave/perm_hwaddr=62:f3:a5:2a:72:7b
    a1/bonding_slave/state=active
    a2/bonding_slave/ad_aggregator_id=N/A
    a2/bonding_slave/mii_status=up
    a2/bonding_slave/perm_hwaddr=ee:0c:49:f8:85:2b
    a2/bonding_slave/state=active
    """,
    "tlb-static": """
    bond0/bonding/active_slave=a2
    bond0/bonding/ad_aggregator=
    bond0/bonding/ad_partner_mac=
    bond0/bonding/mode=balance-tlb 5
    bond0/bonding/slaves=a2 a1
    bond0/bonding/tlb_dynamic_lb=0
    bond0/bonding/xmit_hash_policy=layer3+4 1
    a1/bonding_slave/ad_aggregator_id=N/A
    a1/bonding_slave/mii_status=up
    a1/bonding_slave/perm_hwaddr=62:f3:a5:2a:72:7b
    a1/bonding_slave/state=active
    a2/bonding_slave/ad_aggregator_id=N/A
    a2/bonding_slave/mii_status=up
    a2/bonding_slave/perm_hwaddr=ee:0c:49:f8:85:2b
    a2/bonding_slave/state=active
    """,
    "802.3ad": """
    bond0/bonding/active_slave=
    bond0/bonding/ad_aggregator=1
    bond0/bonding/ad_partner_mac=9a:1a:2d:10:9d:40
    bond0/bonding/mode=802.3ad 4
    bond0/bonding/slaves=a2 a1
    bond0/bonding/tlb_dynamic_lb=1
    bond0/bonding/xmit_hash_policy=layer3+4 1
    a1/bonding_slave/ad_aggregator_id=1
    a1/bonding_slave/mii_status=up
    a1/bonding_slave/perm_hwaddr=62:f3:a5:2a:72:7b
    a1/bonding_slave/state=active
    a2/bonding_slave/ad_aggregator_id=1
    a2/bonding_slave/mii_status=up
    a2/bonding_slave/perm_hwaddr=ee:0c:49:f8:85:2b
    a2/bonding_slave/state=active
    """,
    "802.3ad-down": """
    bond0/bonding/active_slave=
    bond0/bonding/ad_aggregator=1
    bond0/bonding/ad_partner_mac=9a:1a:2d:10:9d:40
    bond0/bonding/mode=802.3ad 4
    bond0/bonding/slaves=a2 a1
    bond0/bonding/tlb_dynamic_lb=1
    bond0/bonding/xmit_hash_policy=layer3+4 1
    a1/bonding_slave/ad_aggregator_id=1
    a1/bonding_slave/mii_status=up
    a1/bonding_slave/perm_hwaddr=62:f3:a5:2a:72:7b
    a1/bonding_slave/state=active
    a2/bonding_slave/ad_aggregator_id=1
    a2/bonding_slave/mii_status=down
    a2/bonding_slave/perm_hwaddr=ee:0c:49:f8:85:2b
    a2/bonding_slave/state=backup
    """,
    "802.3ad-split": """
    bond0/bonding/active_slave=
    bond0/bonding/ad_aggregator=1
    bond0/bonding/ad_partner_mac=9a:1a:2d:10:9d:40
    bond0/bonding/mode=802.3ad 4
    bond0/bonding/slaves=a2 a1
    bond0/bonding/tlb_dynamic_lb=1
    bond0/bonding/xmit_hash_policy=layer3+4 1
    a1/bonding_slave/ad_aggregator_id=2
    a1/bonding_slave/mii_status=up
    a1/bonding_slave/perm_hwaddr=62:f3:a5:2a:72:7b
    a1/bonding_slave/state=backup
    a2/bonding_slave/ad_aggregator_id=1
    a2/bonding_slave/mii_status=up
    a2/bonding_slave/perm_hwaddr=ee:0c:49:f8:85:2b
    a2/bonding_slave/state=active
    """,
    "802.3ad-nopartner": """
    bond0/bonding/active_slave=
    bond0/bonding/ad_aggregator=1
    bond0/bonding/ad_partner_mac=00:00:00:00:00:00
    bond0/bonding/mode=802.3ad 4
    bond0/bonding/slaves=a2 a1
    bond0/bonding/tlb_dynamic_lb=1
    bond0/bonding/xmit_hash_policy=layer3+4 1
    a1/bonding_slave/ad_aggregator_id=2
    a1/bonding_slave/mii_status=up
    a1/bonding_slave/perm_hwaddr=62:f3:a5:2a:72:7b
    a1/bonding_slave/state=backup
    a2/bonding_slave/ad_aggregator_id=1
    a2/bonding_slave/mii_status=up
    a2/bonding_slave/perm_hwaddr=ee:0c:49:f8:85:2b
    a2/bonding_slave/state=active
    """,
  ]
}
