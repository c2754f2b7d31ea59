public import Wire

/// What happened in one stretch of a session that measures.
public struct BenchInterval: Sendable {
  /// What this side did with the data.
  public var role: Role
  /// Whether the other direction is measured at the same time, in stretches of its own.
  public var isPaired: Bool
  /// From when, since the first connection joined.
  public var start: Duration
  /// To when, since then.
  public var end: Duration
  /// Payload bytes that the receiver has taken in, as far as this side knows.
  public var byteCount: UInt64
  /// Whether it lies in the time that is not counted.
  public var isOmitted: Bool
  /// User and system time of this process.
  public var processorTime: Duration
  /// Segments that this side sent again.
  public var retransmissions: Int
  /// Bytes on the wire of each link here, in the direction of the data.
  public var links: [(name: String, byteCount: UInt64)]

  /// How long it is.
  public var duration: Duration { end - start }
}

/// What TCP knew of one connection at the end of the measured time.
public struct BenchConnection: Sendable {
  /// Address and port here.
  public var local: String
  /// Address and port there.
  public var peer: String
  /// The link here that it crossed, where it is known.
  public var localLink: String?
  /// The link there.
  public var peerLink: String?
  /// Payload bytes in the measured time, frame headers included.
  public var byteCount: UInt64
  /// Segments that this side sent again in the measured time.
  public var retransmissions: Int
  /// Smoothed round-trip time.
  public var roundTrip: Duration
  /// Congestion window of this side, in bytes.
  public var congestionWindow: Int
  /// Part of the measured time with data on their way, 0...1.
  public var busy: Double
  /// Part of the time with data on their way in which the peer's TCP window was closed, 0...1.
  public var receiverLimited: Double
}

/// The figures of a session that measures.
public struct BenchResult: Sendable {
  /// What this side did.
  public var role: Role
  /// Whether payloads had checksums.
  public var isChecked: Bool
  /// The measured time: from the end of what is omitted to the end of the data.
  public var duration: Duration
  /// Payload bytes in it.
  public var byteCount: UInt64
  /// User and system time of this process in it.
  public var processorTime: Duration
  /// Time in it in which this process was ready to run and had no processor.
  public var processorWait: Duration
  /// All stretches, a second each, the omitted ones too.
  public var intervals: [BenchInterval]
  /// The connections at its end.
  public var connections: [BenchConnection]
  /// Payload bytes of the whole session, its start and end included.
  public var sessionByteCount: UInt64
  /// From the first connection to the end of the session.
  public var sessionDuration: Duration
  /// User and system time of this process for the whole session.
  public var sessionProcessorTime: Duration
  /// The same of the peer's, as it said last; nil if it did not.
  public var peerSessionProcessorTime: Duration?
  /// Most that this side was to send, in bits per second; nil: no limit.
  public var rateLimit: Int?
  /// How far the sender may run ahead, in bytes.
  public var windowByteCount: Int
  /// The frame size that both sides agreed on, in bytes.
  public var frameByteCount: Int
}
