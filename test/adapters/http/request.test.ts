import { expect, test } from "bun:test";
import { noteVisit, openVisit, visitOf } from "../../../src/adapters/http/request.ts";

test("the caller's address is found out once, and only for those who want to know it", () => {
  let asked = 0;
  const request = new Request("http://localhost/");
  const visit = openVisit(request, () => {
    asked += 1;
    return "192.0.2.7";
  });
  const again = new Request("http://localhost/");
  noteVisit(visit, request);
  noteVisit(visit, again);
  expect(asked).toBe(0);
  expect([visit.address, visitOf(request).address, visitOf(again).address]).toEqual(Array(3).fill("192.0.2.7"));
  expect(asked).toBe(1);
});
