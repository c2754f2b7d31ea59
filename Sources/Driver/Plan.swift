public import Transfer
public import Wire

/// Everything that one run is told from outside; the command line builds it.
public struct Plan: Sendable {
  /// Where the stream comes from or goes to.
  public enum Endpoint: Sendable, Equatable {
    /// Standard input of the sender, standard output of the receiver.
    case standard
    /// A file, FIFO or device.
    case path(String)
    /// What a shell command writes to its standard output, or reads from its standard input.
    case command(String)
  }

  /// A host by name or address, and a port.
  public struct Host: Sendable, Equatable {
    /// A name, an IPv4 address, or an IPv6 address without brackets.
    public var name: String
    /// 1...65535.
    public var port: UInt16

    /// Names a port at a host.
    public init(name: String, port: UInt16) {
      self.name = name
      self.port = port
    }
  }

  /// How the two sides find each other.
  public enum Opening: Sendable, Equatable {
    /// Dial the peer; several hosts are addresses of the same peer.
    case dial([Host])
    /// Listen at an address (nil: every address, IPv4 and IPv6) and port.
    case listen(address: String?, port: UInt16)
  }

  /// What to do with the stream.
  public var role: Role
  /// How the two sides find each other.
  public var opening: Opening
  /// Input of a sender, output of a receiver.
  public var endpoint = Endpoint.standard
  /// How many connections the dialling side opens, 1...256.
  ///
  /// Nil: as many as the links need.
  public var connectionCount: Int?
  /// Most connections at one time, 1...256.
  ///
  /// Nil: 64, or as many as `connectionCount` says.
  public var connectionLimit: Int?
  /// Whether the hosts to dial are named in the order of preference: each is used only while all
  /// connections to those before it are busy.
  public var isPreferring = false
  /// Addresses or interfaces here that a dialler's connections start from, as the user names them.
  public var bindings: [String] = []
  /// TCP's congestion control; nil for the kernel's choice.
  public var congestionControl: String?
  /// Largest frame payload in bytes, a multiple of 4096 in 4096...1 MiB.
  public var frameByteCount = 256 << 10
  /// Memory for frames in bytes.
  public var memoryByteCount = 32 << 20
  /// Most payload that a sender sends, in bits per second.
  public var rateLimit: Int?
  /// When to send without a copy.
  public var zeroCopy = ZeroCopyMode.auto
  /// Whether an output may be overwritten that looks as if somebody needed it.
  public var isForced = false
  /// Whether an earlier run is continued, and this one can be.
  public var isResuming = false
  /// Whether an output is read back before it is called good.
  public var verifies = false
  /// Whether an output file is written under its own name from the start.
  public var isInPlace = false
  /// Set to measure, from memory to memory; of a listener only that it is set counts.
  public var bench: Options.Bench?
  /// Whether to leave it to chance which links connections take; `connectionCount` is needed then.
  public var leavesLinksToChance = false
  /// What becomes of zeros.
  public var sparse = SparseMode.auto
  /// How long the dialling side tries to get the first connection.
  public var wait: Duration = .seconds(30)
  /// How long a silent network is waited for.
  public var giveUp: Duration = .seconds(60)
  /// A connection is dead when TCP has waited this long for an answer.
  public var pathSilence: Duration = .seconds(3)
  /// The key, if there is one.
  public var authenticator: Authenticator?
  /// A variable that a command is not to see: the one that a key may stand in.
  public var hiddenVariable = ""
  /// A sentence for an outcome; the peer's user reads it.
  public var describe: @Sendable (Outcome) -> String = { "\($0)" }

  /// A plan with the defaults of the command line.
  public init(role: Role, opening: Opening) {
    self.role = role
    self.opening = opening
  }
}

/// Why a run could not even start; nothing was read, written or sent.
public enum StartFailure: Error, Equatable, Sendable, CustomStringConvertible {
  /// No io_uring; the sentence has cause and remedy.
  case ring(String)
  /// The input cannot be opened.
  case input(String)
  /// The output cannot be opened.
  case output(String)
  /// No such host, or the port cannot be listened at.
  case network(String)
  /// Options that do not fit together.
  case usage(String)

  /// The sentence for the user.
  public var description: String {
    switch self {
    case .ring(let text), .input(let text), .output(let text), .network(let text),
      .usage(let text):
      text
    }
  }
}

/// Hears what a run does while it does it; called on the run's own thread, so it must be quick.
public protocol Observer: AnyObject {
  /// A sentence about how the run was set up, for `--verbose`.
  func prepared(_ detail: String)
  /// The start takes longer than it should: a sentence why, and for how long it is tried in all.
  func delayed(_ reason: String, patience: Duration)
  /// Something in the way that this host is set up may cost links: a sentence, and whether it does.
  func advised(_ sentence: String, costsLinks: Bool)
  /// Something happened to the session; `peer` is the address of the connection concerned.
  func noticed(_ notice: Notice, peer: String?)
  /// Called about four times a second while the session runs.
  func progressed(_ statistics: Statistics, elapsed: Duration)
  /// Called about once a second by a session that measures.
  func measured(_ interval: BenchInterval)
}

extension Observer {
  /// Only who measures needs to listen.
  public func measured(_ interval: BenchInterval) {}
}

/// What a run came to.
public struct Report: Sendable {
  /// How it ended.
  public var outcome: Outcome
  /// The session's counters at the end.
  public var statistics: Statistics
  /// From the first connection (or the start, if there was none) to the end.
  public var elapsed: Duration
  /// User and system time of this process.
  public var processorTime: Duration
  /// Largest resident set of this process, in bytes.
  public var residentPeakByteCount: Int
  /// What each link has carried since the first connection, here and there, as far as it is known.
  public var links: (local: [LinkUse], remote: [LinkUse])
  /// How this host reaches the peer: a sentence for each bond or multipath route on the way.
  public var arrangement: [String]
  /// Links that lay idle until the end while others were busy, whatever was tried.
  public var idleLinks: (local: [String], remote: [String])
  /// The figures of a session that measures.
  public var bench: BenchResult?
  /// Whether the output was read back through the page cache, which had been emptied: the file system
  /// knows no other way.
  public var isReadBackBuffered: Bool
  /// Calls of io_uring_enter.
  public var enterCount: Int
  /// Operations submitted.
  public var operationCount: Int
}
