"""Drift by bets: live rows against a reference sample, valid however often one looks.

1. `reference` sorts a sample's values into bins, `counts` holds how many live values fell into each. Nothing else of a
   row is kept. Missing, non-finite and never-seen values are counted apart.
2. **What is bet against** (the null hypothesis): live rows come from a law that is at most a margin away from the
   reference. The margin is what the user does not care about, or the noise of the sample itself where that is larger
   (`noise`): a finite sample is never its source, and without a margin every valid test ends in an alarm.
3. **Bets**, each with an expectation of at most 1 for every law of the null hypothesis: on the shape (`shape`), on the
   mean rank and the mean distance from the middle (`ranks`), on missing, non-finite and unseen values (`quality`). What
   a bet stakes on a block of rows comes from the blocks before.
4. `evidence` adds each bet's gains up, over all moments at which drift may have begun (Shin, Ramdas and Rinaldo,
   "E-detectors", arXiv 2203.03532).
5. `detector` holds these sums for all columns and says which are drift, `judgement` what that means for the data set.
"""
