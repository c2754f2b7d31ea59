import Simulation
import Testing

/// Seeds that failed once, each with the sentence that the failure taught.
@Suite struct RegressionTests {
  // Found with pipes at both ends.
  @Test(
    arguments: [
      (50, "a deadline for an acknowledgement that cannot be sent makes the owner spin"),
      (48, "a jump of the clock past the parting time does not end what is in flight"),
      (38, "a parting listener that accepts, and a sender that stops reading, stay too long"),
      (6229, "a window update that only a slow or dead connection carries hangs the session"),
      (975, "a window update that only a silent member carries hangs the session"),
      (5694, "a doubled completion of a zero-copy send must not end its release"),
      (1621, "a receiver that dials has to dial again for its verdict"),
      (1600, "a dial without an answer speaks for the network, not for the peer's death"),
      (3972, "a listener whose kernel takes calls while it is frozen is not dead"),
      (1443, "a listener gives a dialler the time to miss a connection that was reset at one end"),
      (3030, "a process that was stopped has not waited"),
      (1142, "a peer that refuses for its limit of connections is there"),
      (6078, "the same, with the receiver dialling"),
      (15_440, "a parting sender does not spin for a part of a frame"),
      (29_475, "a close without a goodbye does not prove that the verdict was read"),
      (58_265, "whoever answers with damaged bytes is there"),
    ] as [(UInt64, String)]
  )
  func `a seed that failed once passes`(seed: UInt64, lesson: String) {
    let report = Simulator(seed: seed, endpoints: .pipes).run()
    let command = "swift run -c release simulate --pipes --seed \(seed)"
    #expect(report.failure == nil, "\(lesson): \(command)")
  }

  // Found with any endpoints.
  @Test(
    arguments: [
      (32297, "a call that went silent is no reason to leave as soon as it is given up"),
      (74641, "a call that died on the way does not keep a new one of the same peer out"),
      (140_605, "a deadline that is set after a standstill does not get its length as well"),
      (36_668, "who asks by one connection at a time must not wait for a silent one for long"),
      (79_736, "the same for a connection that was dialled before the last one was lost"),
      (90_159, "a side that sleeps while its connections are reset cannot be waited for"),
      (155_118, "a damaged proof in the middle comes from a peer that lives"),
      (320_418, "silent members do not keep out who comes back for the verdict"),
      (448_965, "a verdict that comes while the sender is away waits for it anew"),
      (329_216, "who lies while nobody else is left is blamed for the end"),
    ] as [(UInt64, String)]
  )
  func `a seed that failed once passes, whatever the endpoints`(seed: UInt64, lesson: String) {
    let report = Simulator(seed: seed).run()
    let command = "swift run -c release simulate --seed \(seed)"
    #expect(report.failure == nil, "\(lesson): \(command)")
  }
}
