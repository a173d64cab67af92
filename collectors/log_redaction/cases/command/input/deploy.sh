cat lines.txt
