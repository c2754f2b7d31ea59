/// A rare path that a simulation has to reach now and then, or its faults are too tame.
public enum Mark: Int, CaseIterable, Sendable {
  case shortSend, shortReceive, shortRead, shortWrite
  case lateCompletion, duplicateCompletion, staleCompletion
  case zeroCopy, zeroCopyCopied, zeroCopyRefused, lateNotification, closedWhilePinned
  case connectFailure, connectSlow, deadTarget, slowConnection, refusedByHost, backlogFull
  case acceptFailure, reset, partialFrame, slowProducer, slowConsumer, consumerGone
  case inputFailure, outputFailure, synchronizeFailure
}

/// How often each mark was reached.
struct Marks {
  private(set) var counts = [Int](repeating: 0, count: Mark.allCases.count)

  mutating func reach(_ mark: Mark) { counts[mark.rawValue] += 1 }
}
