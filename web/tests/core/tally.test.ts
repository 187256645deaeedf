import { describe, expect, it } from "vitest";

import { MOST, Tally } from "../../src/core/tally";
import { Random } from "./support/histories";

const counted = (offset: number, read = 0, unread = 0, mentions = 0) => ({
  read,
  unread,
  mentions,
  offset,
});

describe("what is unread", () => {
  it("is what was counted, and what was heard behind it", () => {
    const tally = new Tally(counted(10, 4, 2, 1));
    tally.hear(9, true);
    tally.hear(11, false);
    tally.hear(13, true);
    expect(tally.now).toEqual({ read: 4, unread: 4, mentions: 2 });
    tally.take(counted(12, 4, 3, 1));
    expect(tally.now).toEqual({ read: 4, unread: 4, mentions: 2 });
  });

  it("is not what an older answer says", () => {
    const tally = new Tally(counted(10, 8, 1));
    tally.take(counted(9, 8, 7));
    tally.take(counted(11, 7, 7));
    expect(tally.now).toEqual({ read: 8, unread: 1, mentions: 0 });
  });

  it("is nothing that was read", () => {
    const tally = new Tally(counted(10));
    for (const offset of [11, 12, 13]) tally.hear(offset, false);
    tally.take(counted(11, 12, 0));
    expect(tally.now).toEqual({ read: 12, unread: 1, mentions: 0 });
    tally.put(counted(13, 13));
    expect(tally.now).toEqual({ read: 13, unread: 0, mentions: 0 });
  });

  it("ends at a hundred, also where it is counted later than heard", () => {
    const tally = new Tally(counted(0));
    for (let offset = 1; offset <= 150; offset += 1) tally.hear(offset, true);
    expect(tally.now).toEqual({ read: 0, unread: MOST, mentions: MOST });
    tally.take(counted(100, 100));
    expect(tally.now).toEqual({ read: 100, unread: 50, mentions: 50 });
  });

  it("is the truth, whenever answers come", () => {
    for (let seed = 0; seed < 300; seed += 1) {
      const random = new Random(seed);
      const tally = new Tally(counted(0));
      const mentioned: boolean[] = []; // by offset, from 1 on
      const coming: ReturnType<typeof counted>[] = [];
      let [heard, read] = [0, 0];
      const truth = (offset: number) => {
        const unread = mentioned.slice(read, offset);
        return counted(offset, read, unread.length, unread.filter(Boolean).length);
      };
      for (let step = 0; step < 60; step += 1) {
        const chance = random.next();
        if (chance < 0.4) mentioned.push(random.next() < 0.3);
        else if (chance < 0.6 && heard < mentioned.length) {
          heard += 1;
          tally.hear(heard, mentioned[heard - 1] === true);
        } else if (chance < 0.7) read += random.below(heard - Math.min(read, heard) + 1);
        else if (chance < 0.85) coming.push(truth(mentioned.length));
        else if (coming.length > 0) {
          tally.take(coming.splice(random.below(coming.length), 1)[0] ?? counted(0));
        }
      }
      tally.take(truth(mentioned.length));
      for (; heard < mentioned.length; heard += 1) tally.hear(heard + 1, false);
      const { unread, mentions } = truth(mentioned.length);
      expect(tally.now, `seed ${seed}`).toEqual({ read, unread, mentions });
    }
  });
});
