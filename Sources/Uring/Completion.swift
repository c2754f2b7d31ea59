internal import CLiburing

/// One finished operation, or the second word of a zero-copy send.
public struct Completion: Hashable, Sendable {
  /// What was given to `enqueue`; present whatever happened.
  public let userData: UInt64
  /// The kernel's plain result: a count, a descriptor, or an error number below zero.
  ///
  /// In a notification it is neither; see `wasCopied`.
  public let result: Int32
  private let flags: UInt32

  init(_ completion: clu_completion) {
    userData = completion.user_data
    result = completion.result
    flags = completion.flags
  }

  /// How an operation ended.
  public enum Outcome: Hashable, Sendable {
    /// It worked. The number is bytes; for accept the new descriptor, for a cancel by descriptor
    /// the number cancelled, for a poll the events, else 0. Zero bytes received is the end.
    case bytes(Int)
    /// It did not work.
    case failed(Errno)
  }

  /// How the operation ended; `.bytes(0)` for a notification, which cannot fail.
  public var outcome: Outcome {
    guard !isNotification, let error = Errno(result: result) else {
      return .bytes(isNotification ? 0 : Int(result))
    }
    return .failed(error)
  }

  /// Whether a notification with the same user data follows.
  ///
  /// Decide by this and never by the result: failed zero-copy sends are notified too.
  public var hasMore: Bool { flags & CLU_COMPLETION_MORE != 0 }

  /// Whether this is the notification of a zero-copy send: its memory is free now.
  public var isNotification: Bool { flags & CLU_COMPLETION_NOTIFICATION != 0 }

  /// Whether this notification says that the kernel copied after all.
  ///
  /// Then zero-copy costs more than a plain send: on loopback, veth, and devices without
  /// scatter-gather.
  public var wasCopied: Bool {
    isNotification && UInt32(bitPattern: result) & CLU_NOTIFICATION_COPIED != 0
  }
}
