internal import Glibc
internal import Transfer
internal import Uring
internal import Wire

/// The input of a sender or the output of a receiver, open.
///
/// Descriptors stay blocking and unchanged: standard input and output are shared with whoever started
/// us, and so would be O_NONBLOCK (io_uring.md, trap 13).
struct Endpoint {
  /// What the descriptor is; it decides how it is finished and watched.
  enum Kind: Equatable {
    /// A pipe, FIFO or socket: grown, and watched for the other end's leaving.
    case stream
    /// A regular file or block device: synchronised at the end.
    case storage
    /// A terminal or another character device.
    case other
    /// Nothing but the slots themselves, for measuring.
    case memory
  }

  let descriptor: Int32
  let kind: Kind
  /// Whether it is a regular file.
  let isFile: Bool
  /// Bytes from the present position to the end, where that is known.
  let byteCount: UInt64?
  /// Where in a file or disk the stream starts, if it is read or written at offsets from there.
  let base: UInt64?
  /// How it is called in sentences.
  let name: String
  /// The file under its other name, if it is written so.
  let partial: PartialFile?
  /// Whether it is a file in which nothing stands yet where the stream goes.
  var isFresh = false
  /// What the sender tells of an input.
  let source: SourceDescription
  /// What names an output in a journal.
  let identity: (high: UInt64, low: UInt64)
  /// The journal of an output, if one is kept.
  let journal: JournalFile?
  /// The output once more, to read it back.
  var reading: Int32?
  /// The other end of a command's pipe, until the command is started.
  var commandEnd: Int32?

  /// Capacity asked for on pipes: what an ordinary user may have (pipe-max-size), and four frames, so
  /// that a frame is filled by one read.
  private static let pipeByteCount = 1 << 20

  /// Opens the endpoint of a plan; `waiting` is told why it takes longer than usual.
  ///
  /// - Throws: `StartFailure.input` or `.output` with a sentence.
  static func open(_ plan: Plan, waiting: (String) -> Void) throws(StartFailure) -> Endpoint {
    if case .command(let text) = plan.endpoint { return try open(command: text, plan.role) }
    if plan.bench != nil { return memory }
    let isInput = plan.role == .sender
    var descriptor = isInput ? STDIN_FILENO : STDOUT_FILENO
    var name = isInput ? "standard input" : "standard output"
    var partial: PartialFile?
    if case .path(let path) = plan.endpoint {
      name = path
      if isInput {
        descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
      } else {
        (descriptor, partial) = try openTarget(path, plan, waiting: waiting)
      }
    }
    var status = stat()
    guard descriptor >= 0, unsafe fstat(descriptor, &status) == 0 else {
      throw failure(isInput, "cannot open \(name): \(Errno(errno))")
    }
    if isInput, status.st_mode & S_IFMT == S_IFDIR {
      throw failure(isInput, "\(name) is a directory; send a file, or a tar of it through a pipe")
    }
    _ = Pipe.grow(descriptor, to: pipeByteCount)
    let kind = kind(of: status.st_mode)
    let byteCount = isInput ? remainingByteCount(descriptor, status) : nil
    var base: UInt64?
    if kind == .storage {
      let isNamed = plan.endpoint != .standard
      base = isInput ? inputBase(descriptor, byteCount) : isNamed ? 0 : try outputBase(status, plan)
    }
    let identity = DiskIdentity.of(descriptor) ?? (0, 0)
    let journal: JournalFile?
    do {
      journal = try openJournal(plan, status, partial, identity, waiting: waiting)
    } catch {
      // Made just now, or as good as that.
      if status.st_size == 0 { partial?.discard() }
      throw error
    }
    return Endpoint(
      descriptor: descriptor,
      kind: kind,
      isFile: status.st_mode & S_IFMT == S_IFREG,
      byteCount: byteCount,
      base: base,
      name: name,
      partial: partial,
      isFresh: !isInput && status.st_mode & S_IFMT == S_IFREG
        && (partial != nil || base.map { status.st_size <= $0 } ?? false),
      source: base == nil
        ? SourceDescription(kind: .stream)
        : DiskIdentity.description(of: status, byteCount: byteCount ?? 0),
      identity: identity,
      journal: journal,
      reading: try openForReading(descriptor, kind, name, plan)
    )
  }

  /// Opens an output that is to be read back a second time.
  private static func openForReading(
    _ descriptor: Int32,
    _ kind: Kind,
    _ name: String,
    _ plan: Plan
  ) throws(StartFailure) -> Int32? {
    guard plan.verifies, plan.role == .receiver else { return nil }
    if let objection = objection(toStream: name, kind, plan) { throw .output(objection) }
    do {
      return try Disk.openForReading(descriptor)
    } catch {
      throw .output("cannot read \(name) back for --verify: \(error)")
    }
  }

  /// Opens the journal of an output that is named, where one is asked for.
  private static func openJournal(
    _ plan: Plan,
    _ status: stat,
    _ partial: PartialFile?,
    _ identity: (high: UInt64, low: UInt64),
    waiting: (String) -> Void
  ) throws(StartFailure) -> JournalFile? {
    guard plan.isResuming, plan.role == .receiver, case .path(let path) = plan.endpoint else {
      return nil
    }
    let place = try journalPath(path, partial)
    if place.hasPrefix(JournalFile.diskFolder), unsafe mkdir(JournalFile.diskFolder, 0o700) != 0,
      errno != EEXIST
    {
      throw .output("cannot make \(JournalFile.diskFolder) for a journal: \(Errno(errno))")
    }
    let journal = try JournalFile(path: place, target: identity) {
      waiting("another braid uses \(place) at the moment.")
    }
    let length = status.st_mode & S_IFMT == S_IFREG ? UInt64(status.st_size) : .max
    if let found = journal.journal, found.durableOffset > length {
      throw .output(
        "\(path) has \(length) bytes, and its journal says that \(found.durableOffset) are written. "
          + "Remove \(journal.path) to start from the beginning."
      )
    }
    return journal
  }

  private static func journalPath(_ path: String, _ partial: PartialFile?)
    throws(StartFailure) -> String
  {
    if let partial { return partial.journalPath }
    let whole = try PartialFile.resolved(path) ?? path
    guard whole.hasPrefix("/dev/") else { return PartialFile.path(beside: whole, "journal") }
    // What is in /dev does not survive a restart, after which the same disk may be called otherwise,
    // and another as it was: the journal goes by what the disk is.
    guard let identity = DiskIdentity.of(path: whole) else {
      throw .output("cannot open \(path): \(Errno(errno))")
    }
    let number = String(identity.low, radix: 16)
    return "\(JournalFile.diskFolder)/disk-\(number).journal"
  }

  /// What an output is called, also one that the shell has opened.
  private static func path(of descriptor: Int32, _ plan: Plan) -> String {
    if case .path(let path) = plan.endpoint { path } else { "/proc/self/fd/\(descriptor)" }
  }

  /// Whether a journal tells that what is there is ours.
  private static func hasJournal(_ path: String, _ plan: Plan) -> Bool {
    guard plan.isResuming, let journal = try? journalPath(path, nil) else { return false }
    var status = stat()
    return unsafe stat(journal, &status) == 0 && status.st_size > 0
  }

  /// A pipe for a command that is to be started later.
  private static func open(command text: String, _ role: Role) throws(StartFailure) -> Endpoint {
    let isInput = role == .sender
    do {
      let pipe = try Pipe.open()
      let descriptor = isInput ? pipe.reading : pipe.writing
      _ = Pipe.grow(descriptor, to: pipeByteCount)
      return Endpoint(
        descriptor: descriptor,
        kind: .stream,
        isFile: false,
        byteCount: nil,
        base: nil,
        name: text,
        partial: nil,
        source: SourceDescription(kind: .stream),
        identity: (0, 0),
        journal: nil,
        commandEnd: isInput ? pipe.writing : pipe.reading
      )
    } catch {
      throw failure(isInput, "cannot make a pipe for the command: \(error)")
    }
  }

  /// Starts the command of a plan, if it names one.
  ///
  /// Called when all else is ready: a command of a run that cannot start is not started either.
  /// - Throws: `StartFailure.input` or `.output` with a sentence.
  func startCommand(_ plan: Plan) throws(StartFailure) -> ChildCommand? {
    guard let commandEnd else { return nil }
    // The command alone holds that end: when it has gone, so has the end.
    defer { close(commandEnd) }
    let isInput = plan.role == .sender
    do {
      return try ChildCommand(
        name,
        isInput ? .output(commandEnd) : .input(commandEnd),
        hiding: plan.hiddenVariable
      )
    } catch {
      throw Self.failure(isInput, "cannot start /bin/sh for the command: \(error)")
    }
  }

  /// What speaks against an output of which there must be more than a stream.
  private static func objection(toStream name: String, _ kind: Kind, _ plan: Plan) -> String? {
    guard kind != .storage, plan.isResuming || plan.verifies else { return nil }
    let purpose = plan.isResuming ? "resumed" : "read back"
    return "\(name) is no file and no disk: what was written there cannot be \(purpose)"
  }

  /// Opens an output by its name, unless something speaks against overwriting it.
  private static func openTarget(
    _ path: String,
    _ plan: Plan,
    waiting: (String) -> Void
  ) throws(StartFailure) -> (Int32, PartialFile?) {
    var status = stat()
    let isThere = unsafe stat(path, &status) == 0
    guard isThere || errno == ENOENT else {
      throw .output("cannot open \(path): \(Errno(errno))")
    }
    let type = isThere ? status.st_mode & S_IFMT : S_IFREG
    // A FIFO that nobody reads lets nobody open it.
    if let objection = objection(toStream: path, kind(of: type), plan) { throw .output(objection) }
    // Half a copy of a disk has partitions, and half a file is not empty.
    if !plan.isForced, isThere, !hasJournal(path, plan) {
      let objection =
        switch type {
        case S_IFREG: TargetGuard.objection(toFile: path, status)
        case S_IFBLK: TargetGuard.objection(toDisk: path, status)
        default: String?.none
        }
      if let objection { throw .output(objection) }
    }
    if type == S_IFREG, !plan.isInPlace {
      let partial = try PartialFile(
        for: path,
        replacing: isThere ? status : nil,
        isResuming: plan.isResuming,
        waiting: { waiting("another braid writes \(path) at the moment.") }
      )
      return (partial.descriptor, partial)
    }
    // Only the owner may read a disk image until its owner says otherwise.
    let flags = O_WRONLY | O_CLOEXEC | (type == S_IFREG ? O_CREAT : 0)
    guard type == S_IFBLK, !plan.isForced else {
      return (unsafe Glibc.open(path, flags, 0o600), nil)
    }
    do {
      let disk = try LockedFile.open(disk: path, isOurs: hasJournal(path, plan)) {
        waiting("\(path) is in use.")
      }
      return (disk, nil)
    } catch {
      throw .output(error == .busy ? TargetGuard.busy(path) : "cannot open \(path): \(error)")
    }
  }

  private static let memory = Endpoint(
    descriptor: -1,
    kind: .memory,
    isFile: false,
    byteCount: nil,
    base: nil,
    name: "memory",
    partial: nil,
    source: SourceDescription(kind: .stream),
    identity: (0, 0),
    journal: nil
  )

  /// Where an input is read from, if it can be read at offsets.
  ///
  /// The files of /proc and /sys say that they are empty, or a page long, and have another length
  /// when they are read; where the last byte is not, reading goes on to the end that shows itself.
  private static func inputBase(_ descriptor: Int32, _ byteCount: UInt64?) -> UInt64? {
    guard let byteCount, byteCount > 0 else { return nil }
    let position = lseek(descriptor, 0, SEEK_CUR)
    var byte: UInt8 = 0
    guard position >= 0,
      unsafe pread(descriptor, &byte, 1, position + off_t(byteCount) - 1) == 1
    else { return nil }
    return UInt64(position)
  }

  /// Leaves standard input or output where reading or writing it in order would have.
  func leave(after byteCount: UInt64, _ plan: Plan) {
    guard plan.endpoint == .standard, let base else { return }
    let end = off_t(base + byteCount)
    var status = stat()
    // Behind what is whole there may be pieces of a transfer that failed.
    if isFresh, unsafe fstat(descriptor, &status) == 0, status.st_size > end {
      _ = ftruncate(descriptor, end)
    }
    _ = lseek(descriptor, end, SEEK_SET)
  }

  /// Cuts an output file that is written under another name to nothing; one that is written in
  /// place keeps what it has, until something else stands there.
  ///
  /// A run that does not continue an earlier one also removes what that has noted: its journal would
  /// vouch for bytes that are no longer there.
  ///
  /// Called when all else is ready: a run that cannot start has destroyed nothing.
  /// - Throws: `StartFailure.output` with a sentence.
  func empty(for plan: Plan) throws(StartFailure) {
    if journal == nil, kind == .storage, plan.role == .receiver {
      let output = Self.path(of: descriptor, plan)
      // No run could have named a journal beside what is not in UTF-8.
      if partial != nil || (try? PartialFile.resolved(output)) != nil {
        try JournalFile.forget(Self.journalPath(output, partial))
      }
    }
    guard let partial else { return }
    // What is behind what the journal vouches for is of no use, and may be anything.
    let durable = off_t(journal?.journal?.durableOffset ?? 0)
    if ftruncate(descriptor, durable) != 0 {
      throw .output("cannot empty \(partial.path): \(Errno(errno))")
    }
  }

  /// Leaves of a failed run only what another one can continue.
  ///
  /// - Parameter isWrong: whether what was written is not what was sent.
  func discard(isWrong: Bool) {
    if let journal {
      guard isWrong || journal.isEmpty else { return }
      // What the kernel says against it, it says to the next run as well.
      try? journal.remove()
    }
    partial?.discard()
  }

  /// Whether an input file has still the length and the time of change that it was opened with.
  var isUnchanged: Bool {
    var status = stat()
    guard let base, let byteCount, unsafe fstat(descriptor, &status) == 0 else { return false }
    let now = DiskIdentity.description(of: status, byteCount: byteCount)
    return now.modified == source.modified && UInt64(status.st_size) == base + byteCount
  }

  /// Room at the output: the size of a disk, or the free space of a file's file system.
  var room: (capacity: UInt64?, free: UInt64?) {
    guard !isFile else {
      var system = statvfs()
      guard unsafe fstatvfs(descriptor, &system) == 0 else { return (nil, nil) }
      // In place, what the file has is room as well.
      var status = stat()
      let own = unsafe fstat(descriptor, &status) == 0 ? UInt64(status.st_blocks) * 512 : 0
      let free = UInt64(system.f_bavail) &* UInt64(system.f_frsize)
      return (nil, free + (partial == nil ? own : 0))
    }
    let position = lseek(descriptor, 0, SEEK_CUR)
    let end = lseek(descriptor, 0, SEEK_END)
    _ = lseek(descriptor, position, SEEK_SET)
    return (end > 0 ? UInt64(end) - (base ?? 0) : nil, nil)
  }

  private static func failure(_ isInput: Bool, _ sentence: String) -> StartFailure {
    isInput ? .input(sentence) : .output(sentence)
  }

  private static func kind(of mode: mode_t) -> Kind {
    switch mode & S_IFMT {
    case S_IFIFO, S_IFSOCK: .stream
    case S_IFREG, S_IFBLK: .storage
    default: .other
    }
  }

  private static func remainingByteCount(_ descriptor: Int32, _ status: stat) -> UInt64? {
    guard kind(of: status.st_mode) == .storage else { return nil }
    let position = lseek(descriptor, 0, SEEK_CUR)
    let end = lseek(descriptor, 0, SEEK_END)
    guard position >= 0, end >= 0, lseek(descriptor, position, SEEK_SET) == position else {
      return nil
    }
    return UInt64(max(end - position, 0))
  }
}
