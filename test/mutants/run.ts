import { BANK } from "./bank.ts";
import { openLab } from "./lab.ts";

// Lets every mutant of the bank loose, or those whose names hold a word of the command line. Fails when one survives.
const words = process.argv.slice(2);
const chosen = BANK.filter(({ name }) => words.every((word) => name.includes(word)));
const lab = openLab();
let survivors = 0;
try {
  for (const mutant of chosen) {
    const { caughtBy, ms } = await lab.run(mutant);
    if (caughtBy.length === 0) survivors += 1;
    const verdict = caughtBy.length === 0 ? "SURVIVED" : `caught by ${caughtBy.length}: ${caughtBy[0]}`;
    console.log(`${mutant.name}\n  ${verdict} (${Math.round(ms)} ms)`);
  }
} finally {
  lab.close();
}
console.log(`${chosen.length - survivors} of ${chosen.length} caught`);
process.exit(survivors === 0 ? 0 : 1);
