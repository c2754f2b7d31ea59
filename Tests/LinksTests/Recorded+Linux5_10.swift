// Recorded on Debian's Linux 5.10.0-30-amd64 in an emulated machine: two hosts with two veth
// pairs between them, a2 added to the bond before a1.

extension RecordedBonds {
  /// /proc/net/bonding/bond0 of host a, by mode.
  static let linux510: [String: String] = [
    "balance-rr": """
    Ethernet Channel Bonding Driver: v5.10.0-30-amd64

    Bonding Mode: load balancing (round-robin)
    MII Status: up
    MII Polling Interval (ms): 100
    Up Delay (ms): 0
    Down Delay (ms): 0
    Peer Notification Delay (ms): 0

    Slave Interface: a2
    MII Status: up
    Speed: 10000 Mbps
    Duplex: full
    Link Failure Count: 0
    Permanent HW addr: 76:2f:0b:a3:d5:af
    Slave queue ID: 0

    Slave Interface: a1
    MII Status: up
    Speed: 10000 Mbps
    Duplex: full
    Link Failure Count: 0
    Permanent HW addr: 72:31:76:dc:d7:bf
    Slave queue ID: 0
    """,
    "active-backup": """
    Ethernet Channel Bonding Driver: v5.10.0-30-amd64

    Bonding Mode: fault-tolerance (active-backup)
    Primary Slave: None
    Currently Active Slave: a2
    MII Status: up
    MII Polling Interval (ms): 100
    Up Delay (ms): 0
    Down Delay (ms): 0
    Peer Notification Delay (ms): 0

    Slave Interface: a2
    MII Status: up
    Speed: 10000 Mbps
    Duplex: full
    Link Failure Count: 0
    Permanent HW addr: 76:2f:0b:a3:d5:af
    Slave queue ID: 0

    Slave Interface: a1
    MII Status: up
    Speed: 10000 Mbps
    Duplex: full
    Link Failure Count: 0
    Permanent HW addr: 72:31:76:dc:d7:bf
    Slave queue ID: 0
    """,
    "balance-xor": """
    Ethernet Channel Bonding Driver: v5.10.0-30-amd64

    Bonding Mode: load balancing (xor)
    Transmit Hash Policy: layer2 (0)
    MII Status: up
    MII Polling Interval (ms): 100
    Up Delay (ms): 0
    Down Delay (ms): 0
    Peer Notification Delay (ms): 0

    Slave Interface: a2
    MII Status: up
    Speed: 10000 Mbps
    Duplex: full
    Link Failure Count: 0
    Permanent HW addr: 76:2f:0b:a3:d5:af
    Slave queue ID: 0

    Slave Interface: a1
    MII Status: up
    Speed: 10000 Mbps
    Duplex: full
    Link Failure Count: 0
    Permanent HW addr: 72:31:76:dc:d7:bf
    Slave queue ID: 0
    """,
    "broadcast": """
    Ethernet Channel Bonding Driver: v5.10.0-30-amd64

    Bonding Mode: fault-tolerance (broadcast)
    MII Status: up
    MII Polling Interval (ms): 100
    Up Delay (ms): 0
    Down Delay (ms): 0
    Peer Notification Delay (ms): 0

    Slave Interface: a2
    MII Status: up
    Speed: 10000 Mbps
    Duplex: full
    Link Failure Count: 0
    Permanent HW addr: 76:2f:0b:a3:d5:af
    Slave queue ID: 0

    Slave Interface: a1
    MII Status: up
    Speed: 10000 Mbps
    Duplex: full
    Link Failure Count: 0
    Permanent HW addr: 72:31:76:dc:d7:bf
    Slave queue ID: 0
    """,
    "balance-tlb": """
    Ethernet Channel Bonding Driver: v5.10.0-30-amd64

    Bonding Mode: transmit load balancing
    Primary Slave: None
    Currently Active Slave: a2
    MII Status: up
    MII Polling Interval (ms): 100
    Up Delay (ms): 0
    Down Delay (ms): 0
    Peer Notification Delay (ms): 0

    Slave Interface: a2
    MII Status: up
    Speed: 10000 Mbps
    Duplex: full
    Link Failure Count: 0
    Permanent HW addr: 76:2f:0b:a3:d5:af
    Slave queue ID: 0

    Slave Interface: a1
    MII Status: up
    Speed: 10000 Mbps
    Duplex: full
    Link Failure Count: 0
    Permanent HW addr: 72:31:76:dc:d7:bf
    Slave queue ID: 0
    """,
    "balance-alb": """
    Ethernet Channel Bonding Driver: v5.10.0-30-amd64

    Bonding Mode: adaptive load balancing
    Primary Slave: None
    Currently Active Slave: a2
    MII Status: up
    MII Polling Interval (ms): 100
    Up Delay (ms): 0
    Down Delay (ms): 0
    Peer Notification Delay (ms): 0

    Slave Interface: a2
    MII Status: up
    Speed: 10000 Mbps
    Duplex: full
    Link Failure Count: 0
    Permanent HW addr: 76:2f:0b:a3:d5:af
    Slave queue ID: 0

    Slave Interface: a1
    MII Status: up
    Speed: 10000 Mbps
    Duplex: full
    Link Failure Count: 0
    Permanent HW addr: 72:31:76:dc:d7:bf
    Slave queue ID: 0
    """,
    "tlb-static": """
    Ethernet Channel Bonding Driver: v5.10.0-30-amd64

    Bonding Mode: transmit load balancing
    Transmit Hash Policy: layer3+4 (1)
    Primary Slave: None
    Currently Active Slave: a2
    MII Status: up
    MII Polling Interval (ms): 100
    Up Delay (ms): 0
    Down Delay (ms): 0
    Peer Notification Delay (ms): 0

    Slave Interface: a2
    MII Status: up
    Speed: 10000 Mbps
    Duplex: full
    Link Failure Count: 0
    Permanent HW addr: 76:2f:0b:a3:d5:af
    Slave queue ID: 0

    Slave Interface: a1
    MII Status: up
    Speed: 10000 Mbps
    Duplex: full
    Link Failure Count: 0
    Permanent HW addr: 72:31:76:dc:d7:bf
    Slave queue ID: 0
    """,
    "802.3ad": """
    Ethernet Channel Bonding Driver: v5.10.0-30-amd64

    Bonding Mode: IEEE 802.3ad Dynamic link aggregation
    Transmit Hash Policy: layer3+4 (1)
    MII Status: up
    MII Polling Interval (ms): 100
    Up Delay (ms): 0
    Down Delay (ms): 0
    Peer Notification Delay (ms): 0

    802.3ad info
    LACP rate: fast
    Min links: 0
    Aggregator selection policy (ad_select): stable
    System priority: 65535
    System MAC address: 76:2f:0b:a3:d5:af
    Active Aggregator Info:
    	Aggregator ID: 1
    	Number of ports: 2
    	Actor Key: 15
    	Partner Key: 15
    	Partner Mac Address: 06:91:bb:e7:9d:fb

    Slave Interface: a2
    MII Status: up
    Speed: 10000 Mbps
    Duplex: full
    Link Failure Count: 0
    Permanent HW addr: 76:2f:0b:a3:d5:af
    Slave queue ID: 0
    Aggregator ID: 1
    Actor Churn State: monitoring
    Partner Churn State: monitoring
    Actor Churned Count: 0
    Partner Churned Count: 0
    details actor lacp pdu:
        system priority: 65535
        system mac address: 76:2f:0b:a3:d5:af
        port key: 15
        port priority: 255
        port number: 1
        port state: 63
    details partner lacp pdu:
        system priority: 65535
        system mac address: 06:91:bb:e7:9d:fb
        oper key: 15
        port priority: 255
        port number: 1
        port state: 63

    Slave Interface: a1
    MII Status: up
    Speed: 10000 Mbps
    Duplex: full
    Link Failure Count: 0
    Permanent HW addr: 72:31:76:dc:d7:bf
    Slave queue ID: 0
    Aggregator ID: 1
    Actor Churn State: monitoring
    Partner Churn State: monitoring
    Actor Churned Count: 0
    Partner Churned Count: 0
    details actor lacp pdu:
        system priority: 65535
        system mac address: 76:2f:0b:a3:d5:af
        port key: 15
        port priority: 255
        port number: 2
        port state: 63
    details partner lacp pdu:
        system priority: 65535
        system mac address: 06:91:bb:e7:9d:fb
        oper key: 15
        port priority: 255
        port number: 2
        port state: 63
    """,
    "802.3ad-nopartner": """
    Ethernet Channel Bonding Driver: v5.10.0-30-amd64

    Bonding Mode: IEEE 802.3ad Dynamic link aggregation
    Transmit Hash Policy: layer3+4 (1)
    MII Status: up
    MII Polling Interval (ms): 100
    Up Delay (ms): 0
    Down Delay (ms): 0
    Peer Notification Delay (ms): 0

    802.3ad info
    LACP rate: fast
    Min links: 0
    Aggregator selection policy (ad_select): stable
    System priority: 65535
    System MAC address: 76:2f:0b:a3:d5:af
    Active Aggregator Info:
    	Aggregator ID: 2
    	Number of ports: 1
    	Actor Key: 15
    	Partner Key: 1
    	Partner Mac Address: 00:00:00:00:00:00

    Slave Interface: a2
    MII Status: up
    Speed: 10000 Mbps
    Duplex: full
    Link Failure Count: 2
    Permanent HW addr: 76:2f:0b:a3:d5:af
    Slave queue ID: 0
    Aggregator ID: 1
    Actor Churn State: monitoring
    Partner Churn State: monitoring
    Actor Churned Count: 0
    Partner Churned Count: 0
    details actor lacp pdu:
        system priority: 65535
        system mac address: 76:2f:0b:a3:d5:af
        port key: 15
        port priority: 255
        port number: 1
        port state: 71
    details partner lacp pdu:
        system priority: 65535
        system mac address: 00:00:00:00:00:00
        oper key: 1
        port priority: 255
        port number: 1
        port state: 1

    Slave Interface: a1
    MII Status: up
    Speed: 10000 Mbps
    Duplex: full
    Link Failure Count: 1
    Permanent HW addr: 72:31:76:dc:d7:bf
    Slave queue ID: 0
    Aggregator ID: 2
    Actor Churn State: monitoring
    Partner Churn State: monitoring
    Actor Churned Count: 0
    Partner Churned Count: 0
    details actor lacp pdu:
        system priority: 65535
        system mac address: 76:2f:0b:a3:d5:af
        port key: 15
        port priority: 255
        port number: 2
        port state: 79
    details partner lacp pdu:
        system priority: 65535
        system mac address: 00:00:00:00:00:00
        oper key: 1
        port priority: 255
        port number: 1
        port state: 1
    """,
  ]
}
