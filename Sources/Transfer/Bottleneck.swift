/// What kept a measured session from being faster.
public enum Bottleneck: String, Sendable, CaseIterable {
  /// What the user wants at most (`--limit`).
  case limit
  /// The sender's thread was busy nearly all of the time.
  case senderProcessor
  /// The receiver's thread was.
  case receiverProcessor
  /// The links of one end carried nearly what their speed allows.
  case links
  /// All of the window was on its way: more memory would help.
  case window
  /// TCP's window was closed most of the time: the receiver, or its socket buffer.
  case receiverWindow
  /// Segments were lost, or data were on their way all the time while both sides had time to spare.
  case network
  /// Looked at from the receiver: nothing here, so that the sender knows what held it up.
  case sendingSide
  /// Nothing that was measured says it.
  case unknown
}

extension Bottleneck {
  /// What is looked at; shares are 0...1 of the measured time, nil where unknown.
  public struct Evidence: Sendable, Equatable {
    /// What was carried over what the user wants at most.
    public var limitUse: Double?
    /// Processor time of the sender's thread, and time that it waited for one, over elapsed time.
    public var senderProcessor: Double?
    /// The same of the receiver's.
    public var receiverProcessor: Double?
    /// The busier end's links: bytes that they carried over what their speed allows.
    public var linkUse: Double?
    /// Bytes on their way at this rate and round trip, over the window.
    public var windowUse: Double?
    /// Part of the time with data on their way in which the peer's TCP window was closed.
    public var receiverLimited: Double?
    /// Segments sent again.
    public var retransmissions: Int?
    /// Part of the time in which TCP had data on their way, on the busiest connection.
    public var wayUse: Double?
    /// Whether it is the receiver that looks: limit, window and way are known to the sender alone.
    public var isReceiver = false
    /// Whether both ends are one machine, so that nothing but its processors lies between them.
    public var isLocal = false

    /// Nothing known.
    public init() {}
  }

  /// What is late is made up for, so a limit that holds is met but for some milliseconds.
  private static let met = 0.95
  /// A thread that works nine tenths of the time waits for nothing else for long.
  private static let busy = 0.9
  /// At MTU 1500 payload is 0.95 of what a link carries; counters have Ethernet headers, but no gaps.
  private static let full = 0.9
  /// Acknowledgements come in lumps, so that the window is never on its way as a whole.
  private static let closed = 0.7
  /// A thread that works less than this has time to spare.
  private static let spare = 0.7
  /// More than half of the time.
  private static let mostly = 0.5

  /// Names the limit: what is full goes before what only waits.
  public init(_ evidence: Evidence) {
    let sender = evidence.senderProcessor ?? 0
    let receiver = evidence.receiverProcessor ?? 0
    if evidence.limitUse ?? 0 >= Self.met {
      self = .limit
    } else if evidence.linkUse ?? 0 >= Self.full {
      self = .links
    } else if max(sender, receiver) >= Self.busy {
      self = sender >= receiver ? .senderProcessor : .receiverProcessor
    } else if evidence.windowUse ?? 0 >= Self.closed {
      self = .window
    } else if evidence.receiverLimited ?? 0 >= Self.mostly {
      self = .receiverWindow
    } else if evidence.retransmissions ?? 0 > 0 {
      self = .network
    } else if evidence.isLocal, max(sender, receiver) >= Self.mostly {
      self = sender >= receiver ? .senderProcessor : .receiverProcessor
    } else if evidence.wayUse ?? 0 >= Self.busy, max(sender, receiver) < Self.spare {
      self = .network
    } else if evidence.isReceiver, max(sender, receiver) < Self.spare {
      self = .sendingSide
    } else {
      self = .unknown
    }
  }
}
