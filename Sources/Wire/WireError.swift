/// Why bytes from the network were not accepted.
///
/// Every case is something a stranger, an old version or a damaged connection can cause; none traps.
public enum WireError: Error, Equatable, Sendable {
  /// Fewer bytes than the message needs.
  case truncated(needed: Int, found: Int)
  /// The first eight bytes are not braid's: a port scan, another program.
  case notBraid
  /// A braid of another protocol version.
  case unsupportedVersion(UInt16)
  /// The check value does not fit the bytes: damaged on the way, or of another session.
  case damaged
  /// The same of the payload of a whole frame.
  case damagedPayload(FrameKind)
  /// A kind, role or reason with no meaning in this version.
  case unknownValue(field: Field, value: UInt64)
  /// A length outside what the kind allows.
  case badLength(kind: FrameKind, byteCount: UInt32)
  /// A whole greeting of this version, and no answer to ours: of another session, or out of turn.
  case strayGreeting

  /// The field that held a meaningless value.
  public enum Field: String, Sendable {
    case greetingKind = "greeting kind"
    case role
    case frameKind = "frame kind"
    case stream
    case flags
    case linkStatus = "link status"
    case sourceKind = "kind of source"
  }
}

extension WireError: CustomStringConvertible {
  /// One clause, to stand after "refused: ".
  public var description: String {
    switch self {
    case .truncated(let needed, let found): "\(found) bytes where \(needed) are needed"
    case .notBraid: "it does not speak braid's protocol"
    case .unsupportedVersion(let version): "it speaks protocol version \(version)"
    case .damaged: "a header's check value does not fit its bytes"
    case .unknownValue(let field, let value): "unknown \(field.rawValue) \(value)"
    case .damagedPayload(let kind): "the checksum of \(kind.phrase) does not fit its payload"
    case .badLength(let kind, let byteCount): "\(kind.phrase) of \(byteCount) bytes"
    case .strayGreeting: "its greeting is no answer to ours"
    }
  }
}
