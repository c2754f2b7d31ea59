public import Wire

/// A pre-shared key, as the core sees it: a function from bytes to their HMAC-SHA256.
///
/// The key itself never enters the core, so nothing here can print it.
public struct Authenticator: Sendable {
  /// HMAC-SHA256 of the bytes under the key.
  public let tag: @Sendable ([UInt8]) -> Bytes32

  /// Wraps a keyed hash.
  public init(tag: @escaping @Sendable ([UInt8]) -> Bytes32) { self.tag = tag }
}

/// When payloads are sent from registered memory without a copy.
public enum ZeroCopyMode: String, Sendable, CaseIterable {
  /// Try, and go on where the kernel reports that it did not copy.
  case auto
  /// Always, also where the kernel copies.
  case on
  /// Never.
  case off
}

/// What becomes of zeros.
public enum SparseMode: String, Sendable, CaseIterable {
  /// Zeros of a file or disk are not sent. Holes of the input become holes of the output, and so do
  /// zeros of an input that cannot have holes. A pipe's bytes are all sent: whoever measures a
  /// network sends zeros.
  case auto
  /// Zeros are not sent, and all of them that fill a frame become holes.
  case always
  /// Zeros are read, sent and written like any other bytes.
  case never
}

/// What one end of a session is to do; built and checked before anything starts.
public struct Options: Sendable {
  /// How connections come about.
  public enum Opening: Sendable, Equatable {
    /// We dial `targetCount` targets (addresses of one peer) and open `connectionCount`
    /// connections; nil: as many as the links need.
    case dial(targetCount: Int, connectionCount: Int?)
    /// We listen on one port.
    case listen
    /// The other session of our pair listens, and hands over what is ours.
    case handedOver
  }

  /// What a session that measures does, as its dialler says; a listener takes it over.
  public struct Bench: Sendable, Equatable {
    /// How long data flow.
    public var time: BenchTime
    /// Whether payloads go without checksums.
    public var isUnchecked: Bool
    /// Whether a second session measures the other direction at the same time.
    public var isPaired: Bool

    /// What the dialler wants.
    public init(time: BenchTime, isUnchecked: Bool, isPaired: Bool = false) {
      self.time = time
      self.isUnchecked = isUnchecked
      self.isPaired = isPaired
    }
  }

  /// What we do with the stream; a listener that measures takes the opposite of what comes.
  public var role: Role
  /// How connections come about.
  public var opening: Opening
  /// Most connections at a time, 1...`Limits.connectionsPerSession`.
  public var connectionLimit = 64
  /// Whether lanes of a lower rank are used up before those of a higher one get anything.
  public var isPreferring = false
  /// Largest payload of a frame, in bytes; a multiple of 4096 in 4096...1 MiB.
  public var frameByteCount: Int
  /// Memory for slots, in bytes; the two sessions of a pair share it.
  public var memoryByteCount: Int
  /// What of it this session has: of a pair each takes half, in whole pages.
  public var ownMemoryByteCount: Int {
    bench?.isPaired == true ? memoryByteCount / 2 & ~4095 : memoryByteCount
  }
  /// Most payload that a sender sends, in bits per second; nil: as much as there is.
  public var rateLimit: Int?
  /// When to send without a copy.
  public var zeroCopy = ZeroCopyMode.auto
  /// How long the dialling side tries to get the first connection.
  public var wait: Duration = .seconds(30)
  /// How long a session without any living connection lasts when the network is silent.
  public var giveUp: Duration = .seconds(60)
  /// A connection is dead when TCP has waited this long for an answer, or about a third of it while
  /// others are answered.
  public var pathSilence: Duration = .seconds(3)
  /// When the other side, too, has found a dead path out, and has had a second to dial again.
  var pathPatience: Duration { pathSilence + .seconds(1) }
  /// Length of the input in bytes where known, else `Greeting.unknownStreamLength`.
  public var streamByteCount = Greeting.unknownStreamLength
  /// Whether our end of the stream is a file or a disk.
  ///
  /// It is read or written at offsets then, several pieces at a time and in any order. An input needs
  /// a known length for that.
  public var isPositional = false
  /// What the sender tells of its input.
  public var source = SourceDescription(kind: .stream)
  /// Size of a disk that is written, in bytes.
  public var capacityByteCount: UInt64?
  /// Free space of the file system of a file that is written, in bytes.
  public var freeByteCount: UInt64?
  /// Whether a file or disk that is written is read back before it is called good.
  public var verifies = false
  /// Whether it is noted what is on the disk, so that another run can continue.
  public var keepsJournal = false
  /// What an earlier run has noted.
  public var journal: Journal?
  /// What names the output in a journal.
  public var target: (high: UInt64, low: UInt64) = (0, 0)
  /// What becomes of zeros.
  public var sparse = SparseMode.auto
  /// Whether the sender leaves frames of zeros out.
  var leavesOutZeros: Bool { sparse == .always || sparse == .auto && isPositional }
  /// Whether our end of the stream can tell where it has holes.
  public var hasHoles = false
  /// Whether connections take whatever links chance gives them, as those of other tools do.
  ///
  /// No port is chosen, nothing is sounded, no idle link is helped. For comparison; the number of
  /// connections must be given.
  public var leavesLinksToChance = false
  /// Set if the session only measures: from memory to memory, any data, for a time.
  public var bench: Bench?
  /// Bytes written at offsets before they are brought to the disk.
  public var writeBehindByteCount = Limits.writeBehindByteCount
  /// The session's name, where chance does not choose it: the second of a pair has one.
  public var session: SessionID?
  /// Whether a command makes the input or takes the output; the session waits for its status.
  public var hasCommand = false
  /// The key, if there is one.
  public var authenticator: Authenticator?
  /// Random bits for session ids, nonces and jitter: cryptographic, but seeded in simulation.
  ///
  /// An existential, and so a session, which has the options, is passed by its address: a method that
  /// is called and not inlined would else be handed all of it by `memcpy`.
  public var random: any RandomNumberGenerator & Sendable

  /// A sentence for an outcome, for the peer's user; the core knows no errno texts.
  public var describe: @Sendable (Outcome) -> String = { "\($0.ending)" }

  /// Options with the defaults that the command line states.
  public init(
    role: Role,
    opening: Opening,
    frameByteCount: Int = 256 << 10,
    memoryByteCount: Int = 32 << 20,
    random: any RandomNumberGenerator & Sendable
  ) {
    self.role = role
    self.opening = opening
    self.frameByteCount = frameByteCount
    self.memoryByteCount = memoryByteCount
    self.random = random
  }

  /// What is wrong with the options, as a clause; nil if nothing is.
  public var complaint: String? {
    let frames = Greeting.frameByteCountRange
    if frameByteCount % 4096 != 0 || !frames.contains(UInt32(clamping: frameByteCount)) {
      return "the frame size must be a multiple of 4 KiB from 4 KiB to 1 MiB"
    }
    let needed = Limits.slotCountMinimum * (frameByteCount + Geometry.headroom)
    if ownMemoryByteCount < needed {
      let sessions = bench?.isPaired == true ? " in each direction" : ""
      return "memory for \(Limits.slotCountMinimum) frames\(sessions) is needed: \(needed) bytes"
    }
    let usable = Limits.slotCountMaximum * (frameByteCount + Geometry.headroom)
    if memoryByteCount > usable {
      return
        "more than \(usable) bytes of memory cannot be used with frames of \(frameByteCount) bytes"
    }
    if !(1...Limits.connectionsPerSession).contains(connectionLimit) {
      return "connections must be 1 to \(Limits.connectionsPerSession)"
    }
    let rates = Limits.rateRange
    if let rateLimit, !rates.contains(rateLimit) {
      return
        "a limit must be \(rates.lowerBound / 1000)K to \(rates.upperBound / 1_000_000_000)G bits per "
        + "second"
    }
    if isPositional, role == .sender, streamByteCount == Greeting.unknownStreamLength {
      return "an input can be read at offsets only if its length is known"
    }
    if case .dial(_, let count?) = opening, !(1...connectionLimit).contains(count) {
      return "connections must be 1 to \(connectionLimit)"
    }
    return nil
  }
}
