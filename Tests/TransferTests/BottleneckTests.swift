import Testing
import Transfer

// Goal:    what is named as the limit is what was full, and nothing is named without evidence.
// Method:  each kind of evidence alone, and two at a time.
// Failure: users are told to buy processors where a cable is the limit.

@Test func `each limit is named by its own evidence`() {
  func limit(_ change: (inout Bottleneck.Evidence) -> Void) -> Bottleneck {
    var evidence = Bottleneck.Evidence()
    change(&evidence)
    return Bottleneck(evidence)
  }
  #expect(limit { _ in } == .unknown)
  #expect(limit { $0.limitUse = 0.99 } == .limit)
  #expect(limit { $0.limitUse = 0.8 } == .unknown)
  #expect(limit { $0.senderProcessor = 0.95 } == .senderProcessor)
  #expect(limit { $0.receiverProcessor = 0.95 } == .receiverProcessor)
  #expect(limit { $0.linkUse = 0.97 } == .links)
  #expect(limit { $0.windowUse = 0.9 } == .window)
  #expect(limit { $0.receiverLimited = 0.6 } == .receiverWindow)
  #expect(limit { $0.retransmissions = 3 } == .network)
  let idle = limit {
    $0.senderProcessor = 0.5
    $0.receiverProcessor = 0.5
    $0.linkUse = 0.25
    $0.windowUse = 0.1
    $0.receiverLimited = 0.1
    $0.retransmissions = 0
  }
  #expect(idle == .unknown)
}

@Test func `where nothing is full it is what was busiest, if anything can be told`() {
  var evidence = Bottleneck.Evidence()
  evidence.senderProcessor = 0.6
  evidence.receiverProcessor = 0.65
  evidence.wayUse = 0.95
  #expect(Bottleneck(evidence) == .network, "nobody else was busy all the time")
  evidence.isLocal = true
  #expect(Bottleneck(evidence) == .receiverProcessor, "there is no network")
  evidence.isLocal = false
  evidence.receiverProcessor = 0.8
  #expect(Bottleneck(evidence) == .unknown, "a thread that works in bursts may be in the way")
}

@Test func `the receiver does not guess at what only the sender can know`() {
  var evidence = Bottleneck.Evidence()
  evidence.isReceiver = true
  evidence.senderProcessor = 0.02
  evidence.receiverProcessor = 0.03
  evidence.linkUse = 0.4
  #expect(Bottleneck(evidence) == .sendingSide)
  evidence.isLocal = true
  #expect(Bottleneck(evidence) == .sendingSide, "two idle threads hold up nobody")
  evidence.isReceiver = false
  #expect(Bottleneck(evidence) == .unknown)
  evidence.isReceiver = true
  evidence.isLocal = false
  evidence.receiverProcessor = 0.8
  #expect(Bottleneck(evidence) == .unknown, "a thread that works in bursts may be in the way")
  evidence.receiverProcessor = 0.95
  #expect(Bottleneck(evidence) == .receiverProcessor)
  evidence.linkUse = 0.95
  #expect(Bottleneck(evidence) == .links)
}

@Test func `what is full goes before what waits for it`() {
  var evidence = Bottleneck.Evidence()
  evidence.receiverLimited = 0.9
  evidence.retransmissions = 10
  evidence.receiverProcessor = 0.92
  #expect(Bottleneck(evidence) == .receiverProcessor)
  evidence.senderProcessor = 0.99
  #expect(Bottleneck(evidence) == .senderProcessor)
  evidence.linkUse = 0.95
  #expect(Bottleneck(evidence) == .links)
  evidence.limitUse = 1
  #expect(Bottleneck(evidence) == .limit)
}
