internal import CLiburing

/// What a ring should be like.
public struct RingSetup: Hashable, Sendable {
  /// Operations that can wait for one submit; 256 is far more than one turn prepares.
  public var submissionEntries: Int = 256
  /// Completions that can wait to be drained; a zero-copy send needs two.
  public var completionEntries: Int = 4096
  /// Size of the arena in bytes.
  public var arenaByteCount: Int
  /// Bytes of the arena to register at most, as far as the locked-memory limit lets us; 0: none.
  public var registeredByteCount: Int
  /// Places in the table of registered pieces of the arena, at most 16384; 0: no table.
  public var bufferPlaces: Int = 0
  /// Places in the table of registered descriptors; 0: no table.
  public var filePlaces: Int = 0

  /// Asks for a ring with an arena of that many bytes.
  public init(arenaByteCount: Int) {
    self.arenaByteCount = arenaByteCount
    registeredByteCount = arenaByteCount
  }
}

/// How much a ring did.
public struct RingCounters: Hashable, Sendable {
  /// Calls into the kernel.
  public internal(set) var enters = 0
  /// Operations submitted.
  public internal(set) var submitted = 0
  /// Completions and notifications delivered.
  public internal(set) var completed = 0
  /// Turns that found the completion queue overflowing: nothing is lost, but it is slow.
  public internal(set) var cqOverflows = 0
}

/// An io_uring with the one arena that it works on.
///
/// Belongs to the thread that made it; the kernel refuses every other one (EEXIST). One turn is
/// `enqueue`..., `submit`, then `nextCompletion` until nil.
@safe public struct Ring: ~Copyable {
  /// The memory that operations read and write.
  public let arena: Arena
  /// What the kernel can do.
  public let features: RingFeatures
  /// Operations that can wait for one submit; may be fewer than asked for.
  public let submissionEntries: Int
  /// Completions that can wait; may be fewer than asked for.
  public let completionEntries: Int
  /// What has happened so far.
  public private(set) var counters = RingCounters()

  let handle: OpaquePointer
  /// Which pieces of the arena the kernel knows.
  var registration: Registration
  private var batch: [clu_completion]
  private var batchPosition = 0
  private var batchCount = 0
  private var turnBudget: Int

  /// Completions copied at once.
  ///
  /// Taking them out first gives their places back before any of them is handled, and lets the
  /// handler enqueue.
  private static let batchCapacity = 64

  /// Makes the ring, its arena, and the registrations.
  ///
  /// Sizes shrink when locked memory is short; the properties say what came of it.
  /// - Throws: `RingSetupError` when there is no ring or no arena at all.
  public init(_ setup: RingSetup) throws(RingSetupError) {
    precondition((1...32768).contains(setup.submissionEntries), "io_uring_setup(2) limit")
    precondition((1...65536).contains(setup.completionEntries), "io_uring_setup(2) limit")
    let limit = clu_locked_memory_limit()
    let arena: Arena
    do {
      arena = try Arena(byteCount: setup.arenaByteCount, hugePages: limit == .max)
    } catch {
      throw .noMemory(byteCount: setup.arenaByteCount, error)
    }
    var created: OpaquePointer?
    let result = unsafe clu_ring_create(
      UInt32(setup.submissionEntries),
      UInt32(setup.completionEntries),
      &created
    )
    guard let handle = unsafe created else {
      throw RingSetupError(setup: Errno(result: result) ?? .noMemory)
    }
    if setup.filePlaces > 0 {
      let result = unsafe clu_files_register(handle, UInt32(setup.filePlaces))
      if let error = Errno(result: result) {
        _ = unsafe clu_ring_destroy(handle)
        throw .other(error)
      }
    }
    var placeCount = setup.bufferPlaces
    if placeCount > 0, unsafe clu_buffers_register(handle, UInt32(placeCount)) != 0 {
      placeCount = 0
    }
    registration = Registration(
      wantedByteCount: min(setup.registeredByteCount, arena.byteCount),
      placeCount: placeCount,
      limit: limit
    )
    self.arena = arena
    unsafe self.handle = handle
    features = unsafe RingFeatures(rawValue: clu_ring_features(handle))
    submissionEntries = unsafe Int(clu_ring_sq_entries(handle))
    completionEntries = unsafe Int(clu_ring_cq_entries(handle))
    turnBudget = completionEntries
    batch = Array(repeating: clu_completion(), count: Self.batchCapacity)
  }

  deinit {
    let executing = unsafe clu_ring_destroy(handle)
    // A disk write that already runs may go on reading: then the memory stays until we exit.
    if executing > 0 { arena.abandon() }
  }
}

// MARK: - One turn

extension Ring {
  /// Prepares an operation for the next submit.
  ///
  /// - Parameters:
  ///   - operation: what to do; its ranges lie in the arena.
  ///   - userData: comes back with each completion; not `UInt64.max`, which is liburing's.
  /// - Returns: false when the submission queue is full: submit, then try again.
  public mutating func enqueue(_ operation: Operation, userData: UInt64) -> Bool {
    precondition(userData != .max, "user data reserved by liburing")
    var place: Int?
    if let range = operation.registrable { place = self.place(of: range) }
    return unsafe operation.prepare(on: handle, userData: userData, arena: arena, place: place)
  }

  /// Submits what is prepared and waits.
  ///
  /// Returns early after a signal, so fewer completions than asked for may be there, also none.
  /// - Parameters:
  ///   - minimum: completions to wait for, 0 ... `completionEntries`.
  ///   - timeout: longest wait; nil: no limit.
  /// - Throws: what io_uring_enter(2) says about misuse, such as `Errno.exists` on a wrong thread.
  public mutating func submit(
    waitingFor minimum: Int = 0,
    timeout: Duration? = nil
  ) throws(Errno) {
    turnBudget = completionEntries
    // Completions that were copied but not yet taken are there already.
    let missing = max(0, min(minimum, completionEntries) - (batchCount - batchPosition))
    let nanoseconds = timeout.map(\.clampedNanoseconds) ?? -1
    counters.enters += 1
    let submitted = try check(unsafe clu_ring_submit(handle, UInt32(missing), nanoseconds))
    counters.submitted += Int(submitted)
  }

  /// Takes the next completion; nil when none is left or this turn had `completionEntries`.
  ///
  /// The bound lets a turn end although completions keep coming; the rest is for the next turn.
  public mutating func nextCompletion() -> Completion? {
    if batchPosition == batchCount {
      guard turnBudget > 0 else { return nil }
      if unsafe clu_ring_has_overflow(handle) { counters.cqOverflows += 1 }
      let wanted = UInt32(min(turnBudget, Self.batchCapacity))
      batchPosition = 0
      batchCount = unsafe batch.withUnsafeMutableBufferPointer { buffer in
        unsafe Int(clu_ring_reap(handle, buffer.baseAddress, wanted))
      }
      precondition(unsafe clu_ring_dropped(handle) == 0, "the kernel dropped completions")
      guard batchCount > 0 else { return nil }
      turnBudget -= batchCount
    }
    defer { batchPosition += 1 }
    counters.completed += 1
    return Completion(batch[batchPosition])
  }

  /// Delivers what `nextCompletion` would return, one after the other.
  public mutating func drain(_ body: (Completion) -> Void) {
    while let completion = nextCompletion() { body(completion) }
  }

  /// Operations enqueued whose result has not been taken out of the queue; notifications not
  /// counted.
  public var executing: Int { unsafe Int(clu_ring_executing(handle)) }

  /// Puts a descriptor into the table, or empties a place with nil.
  ///
  /// A socket in the table stays open until its place is emptied, whatever close(2) says.
  /// - Parameters:
  ///   - place: 0 ..< `RingSetup.filePlaces`.
  ///   - descriptor: an open descriptor, or nil.
  /// - Throws: `Errno.badDescriptor` or `Errno.invalid` for a wrong descriptor or place.
  public mutating func setFile(_ place: Int, to descriptor: Int32?) throws(Errno) {
    try check(unsafe clu_files_set(handle, UInt32(place), descriptor ?? -1))
  }
}
