import Testing
import Wire

@testable import Transfer

@Suite struct HandshakeTests {
  private let session = SessionID(low: 1, high: 2)
  private let key = Authenticator { bytes in
    Bytes32((XXH64.hash(bytes.span, seed: 5), 1, 2, 3))
  }

  private func greeting(_ kind: Greeting.Kind, nonce: UInt64) -> Greeting {
    var greeting = Greeting(kind, role: .sender, session: session, frameByteCount: 4096)
    greeting.nonce = Bytes32((nonce, 0, 0, 0))
    return greeting
  }

  @Test func `the two proofs cover different words, so that one cannot be sent back`() {
    let hello = greeting(.hello, nonce: 1)
    let welcome = greeting(.welcome, nonce: 2)
    #expect(
      Handshake.listenerTranscript(hello, welcome) != Handshake.diallerTranscript(hello, welcome)
    )
  }

  @Test func `every field of both messages but the proof is covered`() {
    let hello = greeting(.hello, nonce: 1)
    let welcome = greeting(.welcome, nonce: 2)
    let original = Handshake.listenerTranscript(hello, welcome)
    let changes: [(inout Greeting) -> Void] = [
      { $0.role = .receiver }, { $0.isKeyed.toggle() }, { $0.isContinuing.toggle() },
      { $0.connectionNumber = 9 },
      { $0.connectionCount = 9 }, { $0.frameByteCount = 8192 }, { $0.streamByteCount = 9 },
      { $0.session.high = 9 }, { $0.nonce = Bytes32((1, 0, 0, 9)) },
    ]
    for change in changes {
      var other = hello
      change(&other)
      #expect(Handshake.listenerTranscript(other, welcome) != original)
      other = welcome
      change(&other)
      #expect(Handshake.listenerTranscript(hello, other) != original)
    }
    var proved = welcome
    proved.proof = Bytes32((9, 9, 9, 9))
    #expect(Handshake.listenerTranscript(hello, proved) == original)
  }

  @Test func `the seed of the frames depends on the session and on the key`() {
    let other = SessionID(low: 1, high: 3)
    let seeds = [
      Handshake.frameSeed(of: session, authenticator: nil),
      Handshake.frameSeed(of: other, authenticator: nil),
      Handshake.frameSeed(of: session, authenticator: key),
      Handshake.frameSeed(of: other, authenticator: key),
    ]
    #expect(Set(seeds).count == seeds.count)
  }
}
