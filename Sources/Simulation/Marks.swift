import Transfer
import Wire

/// A rare path that a simulation has to reach now and then, or its faults are too tame.
public enum Mark: Int, CaseIterable, Sendable {
  // The world.
  case shortSend, shortReceive, shortRead, shortWrite
  case lateCompletion, duplicateCompletion
  case zeroCopy, zeroCopyCopied, zeroCopyRefused, lateNotification, closedWhilePinned
  case connectFailure, connectSlow, deadTarget, slowConnection, refusedByHost, backlogFull
  case acceptFailure, reset, silentDeath, oneWayDeath, linkDown, linkDownOneWay
  case frozen, killed, interrupted, stranger, intruder, corruption
  case slowProducer, slowConsumer, inputStall, outputStall
  case consumerGone, inputFailure, outputFailure, synchronizeFailure
  case positionalInput, positionalOutput, readOutOfOrder, writtenOutOfOrder, inputShrank, flushed
  case sourceChanged, journalWritten, resumed, unfit
  case readBack, damagedOutput, readBackFailure
  case hole, zeroFrame, smallHole, zerosIntoPipe, cleared, allocatedZeros
  case commandFailed, commandEarly, commandTold, commandKilled
  // What the core does.
  case partialFrame, heldFrame, limited, windowClosed, lateFrame, resentFrame, duplicateFrame
  case receiveCancelled
  case rejectSent, goodbyeSent, abortSent, verdictAgain, staleCompletion
  // What it says.
  case joined, redialled, dialFailed, damagedFrame, disconnected
  case lostClosed, lostFailed, lostSilent, lostDamaged, lostViolation
  case turnedAwayRefused, turnedAwayNotBraid, turnedAwaySlow, turnedAwayClosed, turnedAwayEvicted
  case refusedVersion, refusedBusy, refusedKeyNeeded, refusedKeyUnexpected, refusedKeyWrong
  case refusedSameRole, refusedMalformed, refusedTooMany
  // How it ends.
  case complete, notConnected, peerGone, networkSilent, refused, notBraid
  case inputFailed, outputFailed, mismatch, peerEnded, endInterrupted
}

/// How often each mark was reached.
struct Marks {
  private(set) var counts = [Int](repeating: 0, count: Mark.allCases.count)

  mutating func reach(_ mark: Mark) { counts[mark.rawValue] += 1 }

  mutating func observe(_ notice: Notice) {
    switch notice {
    case .started: break
    case .resumed: reach(.resumed)
    case .joined: reach(.joined)
    case .sounded, .gathered, .idleLinks, .readingBack: break
    case .dialFailed: reach(.dialFailed)
    case .damagedFrame: reach(.damagedFrame)
    case .disconnected: reach(.disconnected)
    case .lost(_, let reason, let resent):
      if resent > 0 { reach(.resentFrame) }
      switch reason {
      case .closedByPeer: reach(.lostClosed)
      case .failed: reach(.lostFailed)
      case .silent: reach(.lostSilent)
      case .damaged: reach(.lostDamaged)
      case .violation: reach(.lostViolation)
      case .surplus: break
      }
    case .turnedAway(_, let reason):
      switch reason {
      case .refused(let refusal):
        reach(.turnedAwayRefused)
        observe(refusal)
      case .notBraid: reach(.turnedAwayNotBraid)
      case .tooSlow: reach(.turnedAwaySlow)
      case .closed: reach(.turnedAwayClosed)
      case .evicted: reach(.turnedAwayEvicted)
      }
    }
  }

  private mutating func observe(_ refusal: Refusal) {
    switch refusal {
    case .none: break
    case .version: reach(.refusedVersion)
    case .busy: reach(.refusedBusy)
    case .keyNeeded: reach(.refusedKeyNeeded)
    case .keyUnexpected: reach(.refusedKeyUnexpected)
    case .keyWrong: reach(.refusedKeyWrong)
    case .sameRole: reach(.refusedSameRole)
    case .malformed: reach(.refusedMalformed)
    case .tooMany: reach(.refusedTooMany)
    // Takes a listener that is started anew; EndingTests does that with real processes.
    case .unknownSession, .otherPurpose, .notPaired: break
    }
  }

  mutating func observe(_ outcome: Outcome) {
    switch outcome {
    case .complete: reach(.complete)
    case .notConnected: reach(.notConnected)
    case .peerGone: reach(.peerGone)
    case .networkSilent, .joinedInVain: reach(.networkSilent)
    case .refused: reach(.refused)
    case .notBraid: reach(.notBraid)
    case .inputFailed: reach(.inputFailed)
    case .outputFailed: reach(.outputFailed)
    case .peerEnded: reach(.peerEnded)
    case .interrupted: reach(.endInterrupted)
    case .unfit: reach(.unfit)
    case .mismatch: reach(.mismatch)
    case .protocolViolation, .peerReplaced: break
    }
  }
}
