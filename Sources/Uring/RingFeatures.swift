internal import CLiburing

/// What the kernel can do, as found by asking it; its version is never looked at.
public struct RingFeatures: OptionSet, Hashable, Sendable, CustomStringConvertible {
  /// The bits of the shim's CLU_FEATURE constants.
  public let rawValue: UInt32

  /// Makes a set from bits.
  public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// Completions run when the one thread of the ring waits: SINGLE_ISSUER, DEFER_TASKRUN (6.1).
  public static let singleIssuer = Self(rawValue: CLU_FEATURE_SINGLE_ISSUER)
  /// No interrupts for completions: COOP_TASKRUN (5.19), where `singleIssuer` is not to be had.
  public static let cooperative = Self(rawValue: CLU_FEATURE_COOPERATIVE)
  /// A refused operation does not stop the ones behind it: SUBMIT_ALL (5.18).
  public static let submitAll = Self(rawValue: CLU_FEATURE_SUBMIT_ALL)
  /// The ring's own descriptor is registered (5.18).
  public static let registeredRing = Self(rawValue: CLU_FEATURE_REGISTERED_RING)
  /// Completions that overflow are kept: FEAT_NODROP (5.5).
  public static let noDrop = Self(rawValue: CLU_FEATURE_NO_DROP)
  /// Waiting takes a timeout: FEAT_EXT_ARG (5.11).
  public static let timeoutArgument = Self(rawValue: CLU_FEATURE_TIMEOUT_ARGUMENT)
  /// `Operation.sendZeroCopy` exists (6.0).
  public static let sendZeroCopy = Self(rawValue: CLU_FEATURE_SEND_ZERO_COPY)
  /// `Operation.cancelAll` exists (5.19).
  public static let cancelDescriptor = Self(rawValue: CLU_FEATURE_CANCEL_DESCRIPTOR)
  /// `Operation.send` completes whole (5.19).
  public static let sendWaitAll = Self(rawValue: CLU_FEATURE_SEND_WAIT_ALL)

  /// The names of what is there, for `--verbose`.
  public var description: String {
    let names: [(Self, String)] = [
      (.singleIssuer, "single issuer"), (.cooperative, "cooperative"),
      (.submitAll, "submit all"), (.registeredRing, "registered ring"), (.noDrop, "no drop"),
      (.timeoutArgument, "timeout argument"), (.sendZeroCopy, "zero-copy send"),
      (.cancelDescriptor, "cancel by descriptor"), (.sendWaitAll, "whole sends"),
    ]
    return names.filter { contains($0.0) }.map(\.1).joined(separator: ", ")
  }
}
