"""Diagnosis: from "the output is wrong" to the first wrong line, and to the edits that make it right."""
