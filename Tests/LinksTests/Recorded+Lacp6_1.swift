// Recorded on Debian's Linux 6.1.0-56-amd64 in an emulated machine: two hosts with two veth
// pairs between them, a2 added to the bond before a1.

extension RecordedBonds {
  /// 802.3ad after its partner changed: one member down, in another aggregate, no partner.
  static let lacp61: [String: String] = [
    "802.3ad-down": """
    Ethernet Channel Bonding Driver: v6.1.0-56-amd64

    Bonding Mode: IEEE 802.3ad Dynamic link aggregation
    Transmit Hash Policy: layer3+4 (1)
    MII Status: up
    MII Polling Interval (ms): 100
    Up Delay (ms): 0
    Down Delay (ms): 0
    Peer Notification Delay (ms): 0

    802.3ad info
    LACP active: on
    LACP rate: fast
    Min links: 0
    Aggregator selection policy (ad_select): stable
    System priority: 65535
    System MAC address: ee:0c:49:f8:85:2b
    Active Aggregator Info:
    	Aggregator ID: 1
    	Number of ports: 1
    	Actor Key: 15
    	Partner Key: 15
    	Partner Mac Address: 9a:1a:2d:10:9d:40

    Slave Interface: a2
    MII Status: down
    Speed: 10000 Mbps
    Duplex: full
    Link Failure Count: 1
    Permanent HW addr: ee:0c:49:f8:85:2b
    Slave queue ID: 0
    Aggregator ID: 1
    Actor Churn State: monitoring
    Partner Churn State: monitoring
    Actor Churned Count: 0
    Partner Churned Count: 0
    details actor lacp pdu:
        system priority: 65535
        system mac address: ee:0c:49:f8:85:2b
        port key: 0
        port priority: 255
        port number: 1
        port state: 15
    details partner lacp pdu:
        system priority: 65535
        system mac address: 9a:1a:2d:10:9d:40
        oper key: 15
        port priority: 255
        port number: 1
        port state: 55

    Slave Interface: a1
    MII Status: up
    Speed: 10000 Mbps
    Duplex: full
    Link Failure Count: 0
    Permanent HW addr: 62:f3:a5:2a:72:7b
    Slave queue ID: 0
    Aggregator ID: 1
    Actor Churn State: monitoring
    Partner Churn State: monitoring
    Actor Churned Count: 0
    Partner Churned Count: 0
    details actor lacp pdu:
        system priority: 65535
        system mac address: ee:0c:49:f8:85:2b
        port key: 15
        port priority: 255
        port number: 2
        port state: 63
    details partner lacp pdu:
        system priority: 65535
        system mac address: 9a:1a:2d:10:9d:40
        oper key: 15
        port priority: 255
        port number: 2
        port state: 63
    """,
    "802.3ad-split": """
    Ethernet Channel Bonding Driver: v6.1.0-56-amd64

    Bonding Mode: IEEE 802.3ad Dynamic link aggregation
    Transmit Hash Policy: layer3+4 (1)
    MII Status: up
    MII Polling Interval (ms): 100
    Up Delay (ms): 0
    Down Delay (ms): 0
    Peer Notification Delay (ms): 0

    802.3ad info
    LACP active: on
    LACP rate: fast
    Min links: 0
    Aggregator selection policy (ad_select): stable
    System priority: 65535
    System MAC address: ee:0c:49:f8:85:2b
    Active Aggregator Info:
    	Aggregator ID: 1
    	Number of ports: 1
    	Actor Key: 15
    	Partner Key: 15
    	Partner Mac Address: 9a:1a:2d:10:9d:40

    Slave Interface: a2
    MII Status: up
    Speed: 10000 Mbps
    Duplex: full
    Link Failure Count: 1
    Permanent HW addr: ee:0c:49:f8:85:2b
    Slave queue ID: 0
    Aggregator ID: 1
    Actor Churn State: monitoring
    Partner Churn State: monitoring
    Actor Churned Count: 0
    Partner Churned Count: 0
    details actor lacp pdu:
        system priority: 65535
        system mac address: ee:0c:49:f8:85:2b
        port key: 15
        port priority: 255
        port number: 1
        port state: 63
    details partner lacp pdu:
        system priority: 65535
        system mac address: 9a:1a:2d:10:9d:40
        oper key: 15
        port priority: 255
        port number: 1
        port state: 63

    Slave Interface: a1
    MII Status: up
    Speed: 10000 Mbps
    Duplex: full
    Link Failure Count: 1
    Permanent HW addr: 62:f3:a5:2a:72:7b
    Slave queue ID: 0
    Aggregator ID: 2
    Actor Churn State: monitoring
    Partner Churn State: monitoring
    Actor Churned Count: 0
    Partner Churned Count: 0
    details actor lacp pdu:
        system priority: 65535
        system mac address: ee:0c:49:f8:85:2b
        port key: 15
        port priority: 255
        port number: 2
        port state: 71
    details partner lacp pdu:
        system priority: 65535
        system mac address: 00:00:00:00:00:00
        oper key: 1
        port priority: 255
        port number: 1
        port state: 0
    """,
    "802.3ad-nopartner": """
    Ethernet Channel Bonding Driver: v6.1.0-56-amd64

    Bonding Mode: IEEE 802.3ad Dynamic link aggregation
    Transmit Hash Policy: layer3+4 (1)
    MII Status: up
    MII Polling Interval (ms): 100
    Up Delay (ms): 0
    Down Delay (ms): 0
    Peer Notification Delay (ms): 0

    802.3ad info
    LACP active: on
    LACP rate: fast
    Min links: 0
    Aggregator selection policy (ad_select): stable
    System priority: 65535
    System MAC address: ee:0c:49:f8:85:2b
    Active Aggregator Info:
    	Aggregator ID: 1
    	Number of ports: 1
    	Actor Key: 15
    	Partner Key: 1
    	Partner Mac Address: 00:00:00:00:00:00

    Slave Interface: a2
    MII Status: up
    Speed: 10000 Mbps
    Duplex: full
    Link Failure Count: 2
    Permanent HW addr: ee:0c:49:f8:85:2b
    Slave queue ID: 0
    Aggregator ID: 1
    Actor Churn State: monitoring
    Partner Churn State: monitoring
    Actor Churned Count: 0
    Partner Churned Count: 0
    details actor lacp pdu:
        system priority: 65535
        system mac address: ee:0c:49:f8:85:2b
        port key: 15
        port priority: 255
        port number: 1
        port state: 79
    details partner lacp pdu:
        system priority: 65535
        system mac address: 00:00:00:00:00:00
        oper key: 1
        port priority: 255
        port number: 1
        port state: 0

    Slave Interface: a1
    MII Status: up
    Speed: 10000 Mbps
    Duplex: full
    Link Failure Count: 1
    Permanent HW addr: 62:f3:a5:2a:72:7b
    Slave queue ID: 0
    Aggregator ID: 2
    Actor Churn State: monitoring
    Partner Churn State: monitoring
    Actor Churned Count: 0
    Partner Churned Count: 0
    details actor lacp pdu:
        system priority: 65535
        system mac address: ee:0c:49:f8:85:2b
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
        port state: 0
    """,
  ]
}
