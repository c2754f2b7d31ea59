internal import CLiburing

/// What the kernel knows about a connection (TCP_INFO); 0 where it is too old to know.
public struct TCPInformation: Hashable, Sendable {
  /// A connection's state in RFC 9293, numbered as Linux does.
  public enum State: UInt8, Hashable, Sendable {
    /// Open both ways.
    case established = 1
    /// We asked for a connection.
    case synSent
    /// The peer asked, the handshake runs.
    case synReceived
    /// We ended our direction.
    case finWait1
    /// The peer knows that we did.
    case finWait2
    /// Over; late segments are awaited.
    case timeWait
    /// No connection.
    case close
    /// The peer ended its direction.
    case closeWait
    /// Both ended; ours is not acknowledged.
    case lastAck
    /// Waiting for connections.
    case listen
    /// Both ended at the same time.
    case closing
    /// Linux: the handshake runs.
    case newSynReceived
  }

  /// State; nil for a number of a younger kernel.
  public let state: State?
  /// Smoothed round-trip time, microseconds.
  public let roundTripMicroseconds: Int
  /// Its variation, microseconds.
  public let roundTripVariationMicroseconds: Int
  /// Smallest round-trip time seen, microseconds.
  public let minimumRoundTripMicroseconds: Int
  /// Segment size for sending, bytes.
  public let segmentByteCount: Int
  /// Congestion window, segments.
  public let congestionWindowSegments: Int
  /// Segments sent and not acknowledged.
  public let unacknowledgedSegments: Int
  /// Segments sent again, in total.
  public let retransmittedSegments: Int
  /// Bytes in the send buffer that were never sent.
  public let notSentByteCount: Int
  /// Bytes that the peer acknowledged.
  public let acknowledgedByteCount: UInt64
  /// Bytes received.
  public let receivedByteCount: UInt64
  /// Bytes sent, repetitions included.
  public let sentByteCount: UInt64
  /// Bytes sent again.
  public let retransmittedByteCount: UInt64
  /// Latest delivery rate, bytes per second.
  public let deliveryRate: UInt64
  /// Pacing rate, bytes per second; `UInt64.max`: not paced.
  public let pacingRate: UInt64
  /// Time with data to send or unacknowledged, microseconds.
  public let busyMicroseconds: UInt64
  /// Part of it in which the peer's window was the limit, microseconds.
  public let receiverLimitedMicroseconds: UInt64
  /// Part of it in which our send buffer was the limit, microseconds.
  public let sendBufferLimitedMicroseconds: UInt64
  /// Time since the last data came, milliseconds.
  public let lastReceivedMilliseconds: Int
  /// Time since the last acknowledgement came, milliseconds.
  public let lastAcknowledgedMilliseconds: Int
  /// Window probes that the peer has not answered.
  public let unansweredProbes: Int

  init(_ info: clu_tcp_info) {
    state = State(rawValue: info.state)
    roundTripMicroseconds = Int(info.rtt_us)
    roundTripVariationMicroseconds = Int(info.rtt_variation_us)
    minimumRoundTripMicroseconds = Int(info.min_rtt_us)
    segmentByteCount = Int(info.send_mss)
    congestionWindowSegments = Int(info.congestion_window)
    unacknowledgedSegments = Int(info.unacked)
    retransmittedSegments = Int(info.total_retransmissions)
    notSentByteCount = Int(info.not_sent_bytes)
    acknowledgedByteCount = info.bytes_acked
    receivedByteCount = info.bytes_received
    sentByteCount = info.bytes_sent
    retransmittedByteCount = info.bytes_retransmitted
    deliveryRate = info.delivery_rate
    pacingRate = info.pacing_rate
    busyMicroseconds = info.busy_time_us
    receiverLimitedMicroseconds = info.receiver_limited_us
    sendBufferLimitedMicroseconds = info.send_buffer_limited_us
    lastReceivedMilliseconds = Int(info.last_received_ms)
    lastAcknowledgedMilliseconds = Int(info.last_acknowledged_ms)
    unansweredProbes = Int(info.probes)
  }
}

extension Socket {
  /// Asks the kernel about a connection.
  public static func information(_ descriptor: Int32) throws(Errno) -> TCPInformation {
    var info = clu_tcp_info()
    try check(unsafe clu_socket_tcp_info(descriptor, &info))
    return TCPInformation(info)
  }
}
