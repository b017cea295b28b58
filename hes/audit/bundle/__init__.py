"""What lies in every bundle of evidence: a text for people, and the script that checks it."""
