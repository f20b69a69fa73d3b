"""A slow, obvious model of picker and ledger: lists and sets only, recomputed each time. For comparison, never for use."""

from __future__ import annotations

from dataclasses import dataclass, field

BLOCK = 16384
NEVER = float("inf")
Block = tuple[int, int, int]


@dataclass
class Req:
    block: Block
    sent: float
    due: float = NEVER


@dataclass
class Peer:
    has: set[int]
    fast: bool
    as_seed: bool = False
    queue: list[Req] = field(default_factory=list)
    withdrawn: list[Block] = field(default_factory=list)
    answered_at: float = -1.0

    def find(self, block: Block) -> Req | None:
        return next((r for r in self.queue if r.block == block), None)

    def settle(self) -> None:
        """The oldest request is due: since it was sent, or since the last answer."""
        if self.queue and self.queue[0].due == NEVER:
            self.queue[0].due = max(self.queue[0].sent, self.answered_at)

    def ask(self, block: Block, now: float) -> None:
        self.queue.append(Req(block, now))
        self.settle()

    def answer(self, request: Req, now: float) -> None:
        for passed_over in self.queue[: self.queue.index(request)]:
            passed_over.due = min(passed_over.due, now)
        self.answered_at = now
        self.queue.remove(request)
        self.settle()

    def withdraw(self, request: Req) -> None:
        self.queue.remove(request)
        self.withdrawn.append(request.block)
        self.settle()

    def expired(self, now: float, timeout: float) -> list[Req]:
        overdue = [r for r in self.queue if r.due + timeout <= now]
        if overdue and (self.answered_at < 0 or self.answered_at + timeout <= now):
            overdue = [r for r in self.queue if r in overdue or r.sent + timeout <= now]
        return overdue


@dataclass
class Active:
    received: dict[Block, int] = field(default_factory=dict)  # block -> who gave it
    avoided: dict[Block, tuple[int, float]] = field(default_factory=dict)
    exclusive: int = 0


class Model:
    def __init__(self, num_pieces: int, piece_length: int, total: int) -> None:
        self.num_pieces, self.piece_length, self.total = num_pieces, piece_length, total
        self.peers: dict[int, Peer] = {}
        self.have: set[int] = set()
        self.priority = [4] * num_pieces
        self.active: dict[int, Active] = {}  # in the order of starting

    # ---- geometry and derived facts

    def size(self, piece: int) -> int:
        return min(self.piece_length, self.total - piece * self.piece_length)

    def blocks(self, piece: int) -> list[Block]:
        size = self.size(piece)
        return [(piece, begin, min(BLOCK, size - begin)) for begin in range(0, size, BLOCK)]

    def asked(self, block: Block) -> list[int]:
        return [k for k, p in self.peers.items() if p.find(block)]

    def missing(self, piece: int) -> list[Block]:
        return [b for b in self.blocks(piece) if b not in self.active[piece].received and not self.asked(b)]

    def availability(self, piece: int) -> int:
        return sum(piece in p.has for p in self.peers.values())

    def wanted(self) -> set[int]:
        return {i for i in range(self.num_pieces) if self.priority[i] > 0 and i not in self.have}

    def candidates(self) -> set[int]:
        return self.wanted() - set(self.active)

    def verifying(self) -> list[int]:
        return [i for i, a in self.active.items() if len(a.received) == len(self.blocks(i))]

    # ---- the ways in which requests end

    def avoid(self, key: int, block: Block, until: float) -> None:
        piece = self.active[block[0]]
        piece.avoided[block] = (key, until)
        if piece.exclusive == key:
            piece.exclusive = 0

    def leave(self, key: int) -> None:
        del self.peers[key]
        for piece in self.active.values():
            if piece.exclusive == key:
                piece.exclusive = 0

    def expire(self, now: float, timeout: float) -> list[tuple[int, Block]]:
        out = []
        for key in sorted(self.peers):
            for request in self.peers[key].expired(now, timeout):
                self.peers[key].withdraw(request)
                self.avoid(key, request.block, now + timeout)
                out.append((key, request.block))
        return out

    def on_block(self, key: int, block: Block, now: float) -> tuple[str, list[int]]:
        """The verdict, and whom to send CANCEL."""
        piece = block[0]
        if not 0 <= piece < self.num_pieces or block not in self.blocks(piece):
            return "wrong_shape", []
        peer = self.peers.get(key)
        request = peer.find(block) if peer else None
        verdict = "accepted"
        if peer and request:
            peer.answer(request, now)
        else:
            known = peer is not None and block in peer.withdrawn
            if peer and known:
                peer.withdrawn.remove(block)
            if piece in self.have or (piece in self.active and block in self.active[piece].received):
                return "duplicate", []
            if not known:
                return "unrequested", []
            if piece not in self.active:
                return "unwanted", []
            verdict = "late"
        losers = self.asked(block)
        for loser in losers:
            found = self.peers[loser].find(block)
            assert found
            self.peers[loser].withdraw(found)
        self.active[piece].received[block] = key
        return verdict, losers

    # ---- picking: checks what was picked, block by block, and follows it

    def follow_pick(
        self,
        key: int,
        picked: list[Block],
        capped: bool,
        n: int,
        cap: int,
        now: float,
        *,
        parole: bool,
        sequential: bool,
    ) -> None:
        peer = self.peers[key]
        rest = list(picked)
        could_start = False
        for priority in range(7, 0, -1):
            opened = [
                i
                for i in self.active
                if self.priority[i] == priority and self.may_ask(key, i, parole) and self.missing(i)
            ]
            for piece in sorted(opened) if sequential else opened:
                self.take(key, piece, rest, n - len(picked) + len(rest), now)
            while len(picked) - len(rest) < n:
                choice = {i for i in self.candidates() & peer.has if self.priority[i] == priority}
                if not choice:
                    break
                if len(self.active) >= cap:
                    could_start = True
                    break
                rarest = min(self.availability(i) for i in choice)
                allowed = {min(choice)} if sequential else {i for i in choice if self.availability(i) == rarest}
                assert rest, f"peer could be asked for a block of {allowed}"
                piece = rest[0][0]
                assert piece in allowed, f"picked new piece {piece}, expected one of {allowed}"
                self.active[piece] = Active(exclusive=key if parole else 0)
                self.take(key, piece, rest, n - len(picked) + len(rest), now)
        assert not rest, f"blocks too many: {rest}"
        assert capped == could_start

    def may_ask(self, key: int, piece: int, parole: bool) -> bool:
        exclusive = self.active[piece].exclusive
        allowed = exclusive == key if parole else exclusive in (0, key)
        return allowed and piece in self.peers[key].has and piece in self.wanted()

    def take(self, key: int, piece: int, rest: list[Block], room: int, now: float) -> None:
        others = self.availability(piece) > 1
        for block in self.missing(piece):
            who, until = self.active[piece].avoided.get(block, (0, 0.0))
            if room == 0 or (others and who == key and now < until):
                continue
            assert rest and rest[0] == block, f"expected {block}, picked {rest[:1]}"
            self.peers[key].ask(rest.pop(0), now)
            room -= 1
