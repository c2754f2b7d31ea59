import Wire

/// What is proved, and what follows from it (Protocol.md, "Admission").
enum Handshake {
  /// What the listener's proof covers: its role in the handshake, and both messages.
  static func listenerTranscript(_ hello: Greeting, _ welcome: Greeting) -> [UInt8] {
    Array("braid listener".utf8) + hello.transcript + welcome.transcript
  }

  /// What the dialler's proof covers.
  static func diallerTranscript(_ hello: Greeting, _ welcome: Greeting) -> [UInt8] {
    Array("braid dialler".utf8) + hello.transcript + welcome.transcript
  }

  /// Seeds the header checks of a session; with a key, nobody without it can make a header.
  static func frameSeed(of session: SessionID, authenticator: Authenticator?) -> UInt64 {
    var greeting = Greeting(.hello, role: .sender, session: session, frameByteCount: 4096)
    greeting.isKeyed = authenticator != nil
    let bytes = Array("braid frames".utf8) + greeting.transcript
    if let authenticator { return authenticator.tag(bytes).words.0 }
    return XXH64.hash(bytes.span)
  }
}
