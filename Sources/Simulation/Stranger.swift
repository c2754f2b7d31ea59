/// Somebody who connects to the listener and is not the peer.
struct Stranger {
  enum Kind: CaseIterable {
    case silent
  }
  var kind: Kind
}

extension World {
  mutating func strangerConnected(_ c: Int) {}
  mutating func strangerReads(_ c: Int, _ side: Int) {}
}
