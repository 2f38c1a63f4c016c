def swish2(x:
