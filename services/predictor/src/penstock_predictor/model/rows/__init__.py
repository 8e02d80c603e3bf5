"""What a graph does with the rows of its inputs: may those of several callers share a run?"""
